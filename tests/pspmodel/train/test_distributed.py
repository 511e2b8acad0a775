"""What one process does by itself; tests/ddp has the others."""

import pytest
import torch

from pspmodel.collectives import counts, gather, rank, world_size
from pspmodel.errors import UsageError
from pspmodel.train.distributed import (
    agreed_signal,
    check_divisible,
    complete,
    local_device,
    on_first,
    own_part,
    processes,
)


def test_alone_everything_is_ones_own():
    rows = torch.randn(3, 2)
    with processes():
        assert (rank(), world_size()) == (0, 1)
        assert list(range(5))[own_part()] == [0, 1, 2, 3, 4]
        assert counts(7) == [7]
        same, start = gather(rows)
        assert same is rows
        assert start == 0
        assert on_first(lambda: "done") == "done"
        assert [agreed_signal(None), agreed_signal("SIGTERM")] == [None, "SIGTERM"]
        check_divisible(1, "train.labelled_batch")
        terms = {"a": torch.ones(())}
        assert complete([rows], terms) is terms


def test_every_process_needs_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda number: None)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert local_device() == torch.device("cuda", 1)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(
        UsageError, match=r"3 processes on a machine with 2 GPUs; .*nproc-per-node 2"
    ):
        local_device()
