"""What PSP's pyramid attends to in chosen clips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from pspmodel.data.clips import Clips
from pspmodel.errors import UsageError
from pspmodel.figures import AttendedPerson
from pspmodel.methods.base import Method
from pspmodel.nn.psp import PSPNetwork
from pspmodel.train.setup import Run
from skeldata import Store


def network_of(method: Method, name: str) -> PSPNetwork:
    """The network whose maps can be drawn.

    Raises:
        UsageError: the method has none.
    """
    network = getattr(method, "network", None)
    if not isinstance(network, PSPNetwork):
        raise UsageError(
            f"method {name!r} has no attention maps to draw; give a run of a method with PSP's pyramid"
        )
    return network


def was_trained(run: Run) -> bool:
    """Whether any loss of the run reached the pyramid attention, which serves the contrast alone."""
    weight = getattr(getattr(run.method, "options", None), "contrast_weight", 1.0)
    return bool(run.config.train.unlabelled_batch) and weight > 0


@torch.inference_mode()
def attention_maps(
    network: PSPNetwork, clips: Clips, stream: str = "joint"
) -> dict[str, NDArray[np.float32]]:
    """Attention that each level applies, mean over heads, in eval mode.

    Args:
        network: on the clips' device.
        clips: P persons.
        stream: which of the clips' streams to look at.

    Returns:
        Level -> (P, n, n), row = node that attends, column = node attended to; coarser maps are
        added as the pyramid does it.

    Raises:
        UsageError: the clips have no such stream.
    """
    if stream not in clips.streams:
        raise UsageError(
            f"stream {stream!r} is none of the run's; use {' or '.join(clips.streams)}"
        )
    was_training = network.training
    network.eval()
    try:
        maps = network.attention_maps(
            network.encode(clips.streams, clips.weights, clips.empty)[stream]
        )
    finally:
        network.train(was_training)
    return {str(level): each.float().mean(dim=1).cpu().numpy() for level, each in maps.items()}


def received(
    maps: Mapping[str, NDArray[np.float32]], groups: Mapping[str, NDArray[np.int64]]
) -> NDArray[np.float32]:
    """Attention that each joint receives on the finest level there is: (P, V).

    The mean size of a map's column. A level without joints gives each joint what its part or body
    receives.

    Args:
        maps: level -> (P, n, n).
        groups: level -> (V,) node of each joint; ``joint`` is not needed.

    >>> maps = {"body": np.array([[[0.0, 1.0], [0.0, -1.0]]], dtype=np.float32)}
    >>> received(maps, {"body": np.array([0, 1, 1])}).tolist()
    [[0.0, 1.0, 1.0]]
    """
    level = next(level for level in ("joint", "part", "body") if level in maps)
    columns: NDArray[np.float32] = np.abs(maps[level]).mean(axis=1)
    return columns if level == "joint" else columns[:, groups[level]]


def attended_persons(
    run: Run, network: PSPNetwork, row: int, stream: str = "joint"
) -> list[AttendedPerson]:
    """The persons of a row with their maps, each in the pose of the middle of its frames.

    Raises:
        UsageError: the run has no such stream.
    """
    layout = run.store.layout
    present = run.store.read_present([row])[0]
    there = np.flatnonzero(present.any(axis=1)).tolist()
    maps = attention_maps(network, run.data.clips(np.array([row])), stream)
    sizes = received(maps, {"part": layout.joint_to_part, "body": layout.joint_to_body})
    joint = run.store.read([row])[0]
    persons = []
    # The network may have seen an absent body too, which comes last: it is not drawn.
    for index, person in enumerate(there):
        frames = np.flatnonzero(present[person])
        frame = int(frames[len(frames) // 2])
        persons.append(
            AttendedPerson(
                maps={level: each[index] for level, each in maps.items()},
                received=sizes[index],
                pose=joint[person, frame],
                title=f"frame {frame}"
                if len(there) == 1
                else f"person {person + 1}, frame {frame}",
            )
        )
    return persons


def rows_named(store: Store, names: Sequence[str]) -> list[int]:
    """Rows of sample names; `UsageError` names one that the store lacks and one that it has."""
    for name in names:
        if name not in store.names:
            raise UsageError(
                f"--names {name}: {store.path} has no such sample; its first is {store.names[0]}"
            )
    return [int(row) for row in store.rows_of(names)]
