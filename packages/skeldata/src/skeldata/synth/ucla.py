"""Synthetic recordings in the JSON form of NW-UCLA that the field uses (``all_sqe``)."""

from __future__ import annotations

import json

import numpy as np

from skeldata.datasets import get_dataset
from skeldata.errors import UsageError
from skeldata.synth.human import as_kinect20
from skeldata.synth.perform import perform
from skeldata.synth.seeds import generator

FPS = 12.0
_LONGEST = 201
_ONE_FRAME = 0.01  # share of clips with a single frame


def ucla_bytes(name: str, seed: int = 0, frames: int | None = None) -> bytes:
    """Write one synthetic NW-UCLA file; equal arguments give equal bytes.

    Args:
        name: an NW-UCLA sample name.
        seed: of the whole synthetic dataset.
        frames: length of the clip; drawn as in the real set if None: median 31, 1 to 201.

    Raises:
        UsageError: not a sample name, or no frames.

    >>> ucla_bytes("a12_s01_e00_v01", frames=1)[-14:]
    b', "label": 10}'
    """
    dataset = get_dataset("nw-ucla")
    sample = dataset.require_name(name)
    if frames is None:
        frames = _length(generator(seed, "length", name))
    if frames < 1:
        raise UsageError(f"a clip needs at least 1 frame, not {frames}")
    (actor,) = perform(sample, seed, frames, FPS)
    xyz = as_kinect20(actor.xyz)
    # The real files hold C++'s six significant digits, read and dumped again by Python.
    digits = ("%.6g " * xyz.size) % tuple(xyz.ravel().tolist())
    rounded = np.array([float(text) for text in digits.split()]).reshape(xyz.shape)
    content = {
        "file_name": name,
        "skeletons": rounded.tolist(),
        "label": dataset.labels[sample.action] + 1,
    }
    return json.dumps(content).encode("ascii")


def _length(rng: np.random.Generator) -> int:
    if rng.uniform() < _ONE_FRAME:
        return 1
    return int(np.clip(round(31 * np.exp(rng.normal(0, 0.6))), 6, _LONGEST))
