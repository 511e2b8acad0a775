"""A real run of seconds, for tests of what comes after training."""

from safetensors.torch import load_file

from pspmodel.report import write_report
from pspmodel.train.loop import train
from pspmodel.train.setup import new_run

SMALL = (
    "network.dsta.blocks=[[8, 8, 4, 2], [8, 16, 4, 2]]",
    "train.labelled_batch=6",
    "train.unlabelled_batch=6",
    "train.epochs=2",
    "train.steps_per_epoch=3",
    "train.evaluate_every=1",
)


def trained_run(folder, store, *more, ratio="0.2", **options):
    """Train in ``folder``, write the report, return the folder."""
    run = new_run(
        store, ratio=ratio, recipe="tiny", overrides=(*SMALL, *more), out=folder, device="cpu",
        **options,
    )  # fmt: skip
    write_report(run, train(run))
    return folder


def tensors(folder):
    """What the last checkpoint of a run holds."""
    return load_file(folder / "checkpoints" / "last" / "tensors.safetensors")
