import json
import resource

import pytest
import torch
from torch import nn

from pspmodel.errors import CheckpointError
from pspmodel.train import checkpoint


def trained(steps=3, seed=0):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    for _ in range(steps):
        optimizer.zero_grad()
        model(torch.randn(8, 4)).square().sum().backward()
        optimizer.step()
    return model, optimizer


def test_model_optimiser_and_facts_come_back_exactly(tmp_path):
    model, optimizer = trained()
    checkpoint.save(tmp_path / "last", {"step": 3, "best": None}, model, optimizer)
    other, other_optimizer = trained(steps=1, seed=9)
    checkpoint.load_tensors(tmp_path / "last", other, other_optimizer)
    assert checkpoint.load_facts(tmp_path / "last")["step"] == 3
    for key, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[key], value)
    for own, theirs in zip(model.parameters(), other.parameters(), strict=True):
        buffers = (
            optimizer.state[own]["momentum_buffer"],
            other_optimizer.state[theirs]["momentum_buffer"],
        )
        assert torch.equal(*buffers)


def test_saving_again_replaces_and_leaves_nothing_beside(tmp_path):
    model, optimizer = trained()
    for step in (1, 2):
        checkpoint.save(tmp_path / "last", {"step": step}, model, optimizer)
    assert checkpoint.load_facts(tmp_path / "last")["step"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


def test_a_full_disk_is_one_line_and_keeps_the_older_checkpoint(tmp_path):
    model, optimizer = trained()
    checkpoint.save(tmp_path / "last", {"step": 1}, model, optimizer)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    try:
        with pytest.raises(
            CheckpointError,
            match=r"cannot write checkpoint \S+/last: .*File too large.*; make room",
        ):
            checkpoint.save(tmp_path / "last", {"step": 2}, model, optimizer)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["last"]
    assert checkpoint.load_facts(tmp_path / "last")["step"] == 1


def test_a_cut_between_the_renames_loses_nothing(tmp_path):
    model, optimizer = trained()
    checkpoint.save(tmp_path / "last", {"step": 1}, model, optimizer)
    (tmp_path / "last").rename(tmp_path / ".last.old")
    assert checkpoint.exists(tmp_path / "last")
    assert checkpoint.load_facts(tmp_path / "last")["step"] == 1
    checkpoint.load_tensors(tmp_path / "last", model, optimizer)


def test_damage_is_one_line(tmp_path):
    model, optimizer = trained()
    folder = tmp_path / "last"
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        checkpoint.load_facts(folder)
    checkpoint.save(folder, {"step": 1}, model, optimizer)
    with pytest.raises(CheckpointError, match="holds another network"):
        checkpoint.load_tensors(folder, nn.Linear(4, 3))
    tensors = folder / "tensors.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:-20])
    with pytest.raises(CheckpointError, match="is damaged"):
        checkpoint.load_tensors(folder, model)
    facts = folder / "checkpoint.json"
    facts.write_text(json.dumps({"format_version": 99}))
    with pytest.raises(CheckpointError, match="has format 99, this pspmodel reads 1"):
        checkpoint.load_facts(folder)
    facts.write_text("{")
    with pytest.raises(CheckpointError, match="is damaged"):
        checkpoint.load_facts(folder)
