"""Clips are the same to the last bit as the plain formulas give them, however they are computed.

The content digest of every store rests on that: a faster way of computing must not move a bit.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldata import RawBody, RawSequence, get_dataset, load_recipe, prepare_clip, prepare_tracks
from skeldata.clean.bodies import Tracks, energy, place
from skeldata.clean.normalise import normalise
from skeldata.clean.resample import resample

NTU, UCLA = get_dataset("ntu60"), get_dataset("nw-ucla")


def plain_energy(xyz, reference):
    relative = xyz.astype(np.float64)
    relative -= relative[:, reference, None]
    return float(relative.std(axis=(0, 1)).sum())


def plain_normalise(xyz, present, spec):
    """Array formulas, one recipe step after the other."""
    first = xyz[0, np.argmax(present[0])]
    xyz = xyz - first[spec.origin]
    if spec.scale is not None:
        xyz = xyz / length(first[spec.scale[1]] - first[spec.scale[0]])
    rotation = plain_rotation(first, spec.rotation)
    if rotation is not None:
        x, y, z = xyz[..., 0], xyz[..., 1], xyz[..., 2]
        xyz = np.stack([x * a + y * b + z * c for a, b, c in rotation], axis=-1)
    xyz[~present] = 0
    return xyz


def plain_rotation(points, rule):
    if rule is None:
        return None
    across = points[rule.x[1]] - points[rule.x[0]]
    if rule.kind == "vertical":
        level = across * (1.0, 0.0, 1.0)
        x, y = level / length(level), np.array([0.0, 1.0, 0.0])
        return np.stack([x, y, np.cross(x, y)])
    z = points[rule.z[1]] - points[rule.z[0]]
    z = z / length(z)
    flat = across - z * (across * z).sum()
    x = flat / length(flat)
    return np.stack([x, np.cross(z, x), z])


def length(vector):
    return np.sqrt((vector * vector).sum())


def plain_resample(xyz, present, frames):
    """Frame by frame, body by body."""
    bodies, source = present.shape
    out, there = np.zeros((bodies, frames, *xyz.shape[2:])), np.zeros((bodies, frames), bool)
    for i in range(frames):
        low, rest = divmod(i * (source - 1), frames - 1)
        high, nearest = min(low + 1, source - 1), low + (2 * rest > frames - 1)
        for body in range(bodies):
            if not present[body, nearest]:
                continue
            there[body, i] = True
            if present[body, low] and present[body, high]:
                out[body, i] = (xyz[body, high] - xyz[body, low]) * (rest / (frames - 1))
                out[body, i] += xyz[body, low]
            else:
                out[body, i] = xyz[body, low if present[body, low] else high]
    return out, there


def body(rng, body_id, frames, joints=25):
    """Joints about as far from the sensor and as large as people are, in all magnitudes."""
    rest = rng.normal(size=(joints, 3)) * rng.choice([0.01, 0.5, 1, 30]) + rng.normal(size=3) * 3
    moved = rest + rng.normal(size=(len(frames), joints, 3)) * rng.choice([0, 1e-6, 0.1, 1])
    return RawBody(body_id, np.array(frames, dtype=np.int64), moved.astype(np.float32))


frames_seen = st.lists(st.booleans(), min_size=1, max_size=40).filter(any).map(np.flatnonzero)
seeds = st.integers(0, 10**6)


@given(seeds, frames_seen, st.integers(0, 24))
def test_energy(seed, frames, joint):
    xyz = body(np.random.default_rng(seed), 1, frames).xyz
    assert energy(xyz, joint) == plain_energy(xyz, joint)


@pytest.mark.parametrize("recipe", ["psp", "ctrgcn", "yaw"])
@given(seed=seeds, one=frames_seen, other=frames_seen, frames=st.integers(2, 60))
def test_normalised_and_resampled_bodies(recipe, seed, one, other, frames):
    rng = np.random.default_rng(seed)
    bodies = [body(rng, 1, one), body(rng, 2, other)]
    tracks = place(bodies)
    timeline = np.unique(np.concatenate([one, other]))
    xyz, present = np.zeros((2, len(timeline), 25, 3)), np.zeros((2, len(timeline)), bool)
    for row, each in enumerate(bodies):
        at = np.searchsorted(timeline, each.frame_index)
        xyz[row, at], present[row, at] = each.xyz, True
    assert_same(tracks, xyz, present)
    spec = load_recipe(recipe).normalise["kinect25"]
    xyz = plain_normalise(xyz, present, spec)
    assert_same(normalise(tracks, spec), xyz, present)
    assert_same(resample(normalise(tracks, spec), frames), *plain_resample(xyz, present, frames))
    # Whatever order an array has in memory.
    assert_same(resample(Tracks(xyz, present), frames), *plain_resample(xyz, present, frames))


@pytest.mark.parametrize("recipe", ["psp", "ctrgcn", "yaw"])
@given(seed=seeds, count=st.integers(1, 90), frames=st.integers(2, 60))
def test_a_whole_clip_of_one_body(recipe, seed, count, frames):
    seen = body(np.random.default_rng(seed), 0, range(count), joints=20)
    chosen = load_recipe(recipe, frames=frames)
    clip = prepare_clip(RawSequence(count, (seen,)), chosen, UCLA)
    xyz, present = seen.xyz[None].astype(np.float64), np.ones((1, count), bool)
    xyz = plain_normalise(xyz, present, chosen.normalise["kinect20"])
    expected, there = plain_resample(xyz, present, frames)
    assert clip.joint.tobytes() == expected.astype(np.float32).tobytes()
    assert clip.present.tobytes() == there.tobytes()
    assert clip.length == count


def test_a_frame_of_zeros_beside_a_joint_in_the_sensors_plane():
    seen = body(np.random.default_rng(0), 1, range(4))
    seen.xyz[:, 0, 0] = 0  # the joint that is asked first
    seen.xyz[2] = 0
    tracks = prepare_tracks(RawSequence(4, (seen,)), load_recipe("psp"), NTU)
    assert tracks.present.shape == (1, 3)
    assert tracks.xyz.shape == (1, 3, 25, 3)


def assert_same(tracks, xyz, present):
    assert tracks.present.tobytes() == present.tobytes()
    assert tracks.xyz.shape == xyz.shape
    assert tracks.xyz.tobytes() == xyz.tobytes()
