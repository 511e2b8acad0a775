import pytest
import torch

from pspmodel.errors import ConfigError, UsageError
from pspmodel.train.batches import Batches
from pspmodel.train.loop import train
from pspmodel.train.setup import new_run
from skeldata import open_store, prepare
from skeldata.synth import write_ucla

TAUGHT = ("train.average=0.9", "train.epochs=1", "train.steps_per_epoch=2", "train.labelled_batch=6",
          "train.unlabelled_batch=40", "network.dsta.blocks=[[8, 8, 4, 2]]", "pseudo_labels.weight=1",
          "pseudo_labels.start=0", "pseudo_labels.full=0", "pseudo_labels.threshold=0")  # fmt: skip


@pytest.fixture(scope="module")
def store_path(tmp_path_factory):
    """Recordings of three actions, of most performances by two or three cameras."""
    folder = tmp_path_factory.mktemp("ucla")
    write_ucla(folder / "ucla.zip", 200, seed=2, actions=[1, 2, 3])
    prepare("ucla", [folder / "ucla.zip"], folder / "ucla.zarr", workers=1)
    return folder / "ucla.zarr"


def run_at(folder, store, *more, **options):
    return new_run(store, ratio="0.2", recipe="tiny", overrides=(*TAUGHT, *more), out=folder,
                   device="cpu", **options)  # fmt: skip


def test_the_teacher_can_see_what_another_camera_saw(tmp_path, store_path):
    same = run_at(tmp_path / "same", store_path)
    other = run_at(tmp_path / "other", store_path, "pseudo_labels.cameras=other")
    step, usual = (Batches(run, run.stages[0]).at(1, None) for run in (other, same))
    for view, mine in zip(usual.unlabelled, step.unlabelled, strict=True):
        assert view.count == mine.count == 40
    strong, weak = step.unlabelled
    torch.testing.assert_close(strong.joint, usual.unlabelled[0].joint, rtol=0, atol=0)

    store = open_store(store_path)
    rows = Batches(other, other.stages[0])._unlabelled.at(1)
    train_names = [
        n for n, inside in zip(store.names, store.train_mask("xview"), strict=True) if inside
    ]
    elsewhere = 0
    for clip, row in enumerate(rows):
        name = store.names[row]
        others = [n for n in train_names if n[:-1] == name[:-1] and n != name] or [name]
        shown = [other.data.clips(store.rows_of([n])).joint for n in others]
        assert any(torch.equal(weak.joint[clip], joint[0]) for joint in shown)
        elsewhere += others != [name]
    assert elsewhere > 10


def test_a_run_with_other_cameras_trains_and_repeats_itself(tmp_path, store_path):
    losses = []
    for name in ("a", "b"):
        run = run_at(tmp_path / name, store_path, "pseudo_labels.cameras=other")
        train(run)
        losses.append((tmp_path / name / "metrics.jsonl").read_text())
    assert losses[0] == losses[1]
    assert '"pseudo": 0.0' not in losses[0]


def test_other_cameras_need_recordings_of_them(tmp_path, ntu_store_path):
    with pytest.raises(UsageError, match="performances that two cameras saw"):
        run_at(tmp_path / "run", ntu_store_path, "pseudo_labels.cameras=other")
    assert not (tmp_path / "run").exists()


def test_without_a_teacher_no_recordings_of_other_cameras_are_needed(tmp_path, ntu_store_path):
    told = "pseudo_labels.cameras=other"
    twin = run_at(tmp_path / "twin", ntu_store_path, told, method="supervised")
    assert Batches(twin, twin.stages[0]).at(0, None).unlabelled == ()
    with pytest.raises(ConfigError, match='cameras = "other" needs pseudo-labels; set weight'):
        run_at(tmp_path / "none", ntu_store_path, told, "pseudo_labels.weight=0")
