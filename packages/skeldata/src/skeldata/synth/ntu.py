"""Synthetic recordings in the text format of NTU RGB+D ``.skeleton`` files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from skeldata.datasets import get_dataset
from skeldata.errors import UsageError
from skeldata.names import parse_ntu_name
from skeldata.synth.actions import TWO_PERSON_ACTIONS
from skeldata.synth.human import LEAVES, Floats
from skeldata.synth.perform import Actor, perform, performance
from skeldata.synth.quirks import draw_quirks, presence, require_quirks
from skeldata.synth.seeds import generator

FPS = 30.0
_JOINTS = 25
_LENGTHS = (60, 120)
# Kinect v2, pixels: focal length and principal point of the depth and the colour camera.
_DEPTH_CAMERA = (365.5, 256.4, 208.5)
_COLOUR_CAMERA = (1060.0, 975.0, 567.5)
_TINY = 1e-4  # %.7G (and C#) write smaller values with an exponent

# %.7G is what C# makes of a float: 7 significant digits, no trailing zeros, a capital exponent.
_JOINT_LINE = "%.7G " * 11 + "%d"


@dataclass(frozen=True, slots=True, eq=False)
class _Body:
    """One body as the file lists it: ids (T,) int64, present (T,) bool, joints (T, 25, 12)."""

    ids: NDArray[np.int64]
    present: NDArray[np.bool_]
    joints: Floats


def ntu_bytes(
    name: str,
    seed: int = 0,
    frames: int | None = None,
    quirks: bool | Collection[str] = True,
) -> bytes:
    """Write one synthetic ``.skeleton`` file; equal arguments give equal bytes.

    Args:
        name: an NTU sample name; its action decides the movement and the number of persons.
        seed: of the whole synthetic dataset.
        frames: length of the clip; drawn from 60 to 120 if None.
        quirks: True draws them at realistic rates (a name on the official missing list gets no
            bodies), False leaves all out, a collection names those of this file (see `QUIRKS`).

    Raises:
        UsageError: not a sample name, no frames, or quirks that are unknown or impossible here.

    >>> ntu_bytes("S001C001P001R001A001", frames=2, quirks=["crlf"]).splitlines()[1:4:2]
    [b'1', b'25']
    """
    sample = parse_ntu_name(name)
    if sample is None:
        raise UsageError(f"{name!r} is not an NTU sample name; expected e.g. S001C001P001R001A001")
    if frames is None:
        low, high = _LENGTHS
        length = generator(*performance(sample, seed), "length")
        frames = int(length.integers(low, high + 1))
    if frames < 1:
        raise UsageError(f"a clip needs at least 1 frame, not {frames}")
    persons = 2 if sample.action in TWO_PERSON_ACTIONS else 1
    if isinstance(quirks, bool):
        missing = name in get_dataset("ntu120").missing_names()
        draw = generator(seed, "quirks", name)
        chosen = (
            draw_quirks(draw, persons=persons, frames=frames, missing=missing)
            if quirks
            else frozenset()
        )
    else:
        chosen = require_quirks(quirks, persons=persons, frames=frames)

    rng = generator(seed, "recording", name)
    present, change = presence(chosen, performers=persons, frames=frames, rng=rng)
    actors = perform(sample, seed, frames, FPS)
    if "spurious_body" in chosen:
        actors.append(_furniture(frames, rng))
    bodies = []
    for index, actor in enumerate(actors):
        ids = np.full(frames, _body_id(name, seed, index))
        ids[change:] = _body_id(name, seed, len(actors))
        bodies.append(_Body(ids, present[index], _joint_fields(actor, chosen, rng)))
    if "capital_e" in chosen:
        _shrink_some(bodies[0], rng)
    if "spurious_body" in chosen and rng.uniform() < 0.5:
        bodies.insert(0, bodies.pop())  # the sensor lists bodies in no order
    return _text(bodies, chosen, rng).encode("ascii")


def _body_id(name: str, seed: int, index: int) -> int:
    """A 17-digit id just above 2**56; those of one file differ, but are one number as float64."""
    base = 16 * int(generator(seed, "ids", name).integers(1, 750))
    return 2**56 + base + 1 + 2 * index


def _furniture(frames: int, rng: np.random.Generator) -> Actor:
    """Something like a chair that the sensor takes for a person: wide, low and jittering."""
    shape = rng.uniform(-0.5, 0.5, (_JOINTS, 3)) * (0.7, 0.3, 0.3)
    shape[:2, 0] = -0.35, 0.35  # never narrower than 0.8 of its height, whatever was drawn
    place = (rng.choice((-1, 1)) * rng.uniform(0.6, 1.0), -0.5, rng.uniform(2.5, 3.5))
    xyz = shape + np.array(place) + rng.normal(0, 0.015, (frames, _JOINTS, 3))
    turned = Rotation.random(_JOINTS, rng=rng).as_matrix()
    return Actor(xyz, np.broadcast_to(turned, (frames, _JOINTS, 3, 3)))


def _joint_fields(actor: Actor, quirks: frozenset[str], rng: np.random.Generator) -> Floats:
    """The 12 fields of every joint line of a body: (T, 25, 12)."""
    xyz = actor.xyz
    fields = np.empty((*xyz.shape[:2], 12))
    fields[..., :3] = xyz
    for column, (focal, centre_x, centre_y) in ((3, _DEPTH_CAMERA), (5, _COLOUR_CAMERA)):
        fields[..., column] = centre_x + focal * xyz[..., 0] / xyz[..., 2]
        fields[..., column + 1] = centre_y - focal * xyz[..., 1] / xyz[..., 2]
    turned = actor.turned.reshape(-1, 3, 3)
    quaternion = Rotation.from_matrix(turned, assume_valid=True).as_quat(scalar_first=True)
    fields[..., 7:11] = quaternion.reshape(*xyz.shape[:2], 4)
    if "zero_orientation" in quirks:
        fields[:, LEAVES, 7:11] = 0
    # 2 tracked, 1 inferred: for some frames the sensor guesses a joint, mostly of hands and feet.
    fields[..., 11] = 2 - (rng.uniform(size=xyz.shape[:2]) < 0.03)
    if "capital_e" not in quirks:
        fields[np.abs(fields) < _TINY] = 0
    return fields


def _shrink_some(body: _Body, rng: np.random.Generator) -> None:
    """Move the coordinates that are nearest to 0 so close to it that they need an exponent."""
    seen = np.flatnonzero(body.present)
    if not len(seen):
        return
    flat = np.abs(body.joints[seen, :, :2]).ravel()
    for place in np.argsort(flat)[: int(rng.integers(1, 5))]:
        frame, joint, axis = np.unravel_index(place, (len(seen), _JOINTS, 2))
        value = rng.choice((-1, 1)) * rng.uniform(1e-6, 9.9e-5)
        body.joints[seen[frame], joint, axis] = value


def _text(bodies: Sequence[_Body], quirks: frozenset[str], rng: np.random.Generator) -> str:
    frames = len(bodies[0].present)
    newline = "\r\n" if "crlf" in quirks else "\n"
    block = newline + f"{_JOINTS}" + newline + (_JOINT_LINE + newline) * _JOINTS
    headers = [_body_lines(body.ids, quirks, rng) for body in bodies]
    template = [f"{frames}{newline}"]
    for frame in range(frames):
        there = [index for index, body in enumerate(bodies) if body.present[frame]]
        template.append(f"{len(there)}{newline}")
        for index in there:
            template += headers[index][frame], block
    present = np.stack([body.present for body in bodies], axis=1)
    joints = np.stack([body.joints for body in bodies], axis=1)  # (T, B, 25, 12): file order
    return "".join(template) % tuple((joints[present] + 0.0).ravel().tolist())


def _body_lines(
    ids: NDArray[np.int64], quirks: frozenset[str], rng: np.random.Generator
) -> list[str]:
    """The line before the joint count, for each frame, without its line end."""
    frames = len(ids)
    hands = np.tile((1, 1, 1, 1), (frames, 1))  # confidence and state, left and right
    edges = np.zeros(frames, dtype=np.int64)
    if "hand_states" in quirks:
        # A state lasts some frames: 0 unknown, 1 not tracked, 2 open, 3 closed, 4 lasso.
        spells = rng.integers(0, 5, (frames // 8 + 1, 2)).repeat(8, axis=0)[:frames]
        hands[:, 1::2] = spells
        hands[:, ::2] = (spells > 1) & (rng.uniform(size=(frames, 2)) < 0.9)
        edges = rng.choice((0, 1, 2, 8), p=(0.7, 0.1, 0.1, 0.1), size=frames // 8 + 1)
        edges = edges.repeat(8)[:frames]
    lean = np.cumsum(rng.normal(0, 0.01, (frames, 2)), axis=0) + rng.uniform(-0.2, 0.2, 2)
    if "capital_e" not in quirks:
        lean[np.abs(lean) < _TINY] = 0
    return [
        f"{ids[t]} {edges[t]} {' '.join(map(str, hands[t]))} 0 {lean[t, 0]:.7G} {lean[t, 1]:.7G} 2"
        for t in range(frames)
    ]
