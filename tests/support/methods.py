"""Small methods and steps for tests."""

from pspmodel.config import DataConfig, DstaConfig, NetworkConfig, RunConfig
from pspmodel.methods import Step, build

KEPT = DataConfig(absent_bodies="keep")


def dsta(blocks, heads=4, temporal="convolution", **network):
    """PSP's encoder of some size."""
    encoder = DstaConfig(blocks=tuple(map(tuple, blocks)), heads=heads, temporal=temporal)
    return NetworkConfig(dsta=encoder, **network)


def config_of(method, options=None, **sections):
    """A whole configuration with nothing in it but what is given; ``blocks`` are the encoder's."""
    blocks = sections.pop("blocks", None)
    if blocks is not None:
        sections["network"] = {"dsta": {"blocks": blocks}, **sections.get("network", {})}
    content = {
        "recipe": "test",
        "method": method,
        "options": options or {},
        "optim": {"lr": 0.1},
        "train": {"epochs": 1, "labelled_batch": 1, "unlabelled_batch": 1},
        **sections,
    }
    return RunConfig.model_validate(content)


def made(method, facts, options=None, **sections):
    """A freshly initialised method."""
    return build(config_of(method, options, **sections), facts)


def joint_step(labelled, labels, *unlabelled, **more):
    """A step of joint training."""
    return Step("joint", labelled, labels, unlabelled, **more)
