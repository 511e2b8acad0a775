import builtins
import json
from contextlib import closing

import pytest

from pspmodel.errors import MissingExtraError
from pspmodel.train.loop import train
from pspmodel.train.setup import new_run
from pspmodel.train.tensorboard import Board
from support.small_run import SMALL


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return {
        name: [(event.step, event.value) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


def test_events_say_what_the_metrics_say(tmp_path, ntu_store_path):
    run = new_run(
        ntu_store_path,
        ratio="0.2",
        recipe="tiny",
        overrides=SMALL,
        out=tmp_path / "run",
        device="cpu",
    )
    with closing(Board(tmp_path / "events")) as board:
        train(run, recorded=board.add)
    lines = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    shown = scalars(tmp_path / "events")
    losses = [(line["step"], line["loss"]) for line in lines if line["kind"] == "train"]
    assert [step for step, _ in shown["loss/sum"]] == [step for step, _ in losses]
    assert [value for _, value in shown["loss/sum"]] == pytest.approx([v for _, v in losses])
    held_out = [line["held_out"] for line in lines if line["kind"] == "evaluation"]
    assert [value for _, value in shown["accuracy/held_out"]] == pytest.approx(held_out)
    assert {"loss/classification", "loss/contrast/part", "rate", "accuracy/test"} <= set(shown)


def test_what_a_resumed_run_does_again_is_shown_once(tmp_path):
    for first, step in ((0, 0), (2, 2)):
        with closing(Board(tmp_path, step)) as board:
            for number in range(first + 1, first + 4):
                board.add({"step": number, "kind": "train", "loss": first, "lr": 0.1, "terms": {}})
    assert scalars(tmp_path)["loss/sum"] == [(1, 0), (2, 0), (3, 2), (4, 2), (5, 2)]


def test_without_tensorboard_one_line_says_how_to_get_it(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "torch.utils.tensorboard":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install 'pspmodel\[tensorboard\]'"):
        Board(tmp_path)
