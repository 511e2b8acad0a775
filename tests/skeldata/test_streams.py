import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skeldata import KINECT20, KINECT25, UsageError, motion, open_store, prepare
from skeldata.streams import bone, choose_streams, derive
from skeldata.synth import write_ucla

LAYOUTS = st.sampled_from([KINECT20, KINECT25])


def clips(seed, frames, layout):
    """(2, frames, V, 3) joints with bodies that come and go; absent ones are zeros."""
    generator = np.random.default_rng(seed)
    joint = generator.normal(size=(2, frames, layout.joint_count, 3)).astype(np.float32)
    present = generator.random((2, frames)) < 0.7
    joint[~present] = 0
    return joint, present


@given(st.integers(0, 500), st.integers(1, 12))
def test_motion_telescopes(seed, frames):
    joint = np.random.default_rng(seed).normal(size=(2, frames, 25, 3)).astype(np.float32)
    moved = motion(joint, np.ones((2, frames), dtype=bool))
    np.testing.assert_allclose(moved.sum(axis=1), joint[:, -1] - joint[:, 0], atol=1e-4)
    assert not moved[:, -1].any()


def test_motion_is_zero_beside_absence():
    joint = np.arange(1, 6, dtype=np.float32).reshape(5, 1, 1) * np.ones((5, 1, 3), np.float32)
    present = np.array([True, True, False, True, True])
    joint[2] = 0
    assert motion(joint, present)[:, 0, 0].tolist() == [1, 0, 0, 1, 0]


@given(st.integers(0, 500), st.integers(1, 6), LAYOUTS)
def test_bone_is_child_minus_parent_one_by_one(seed, frames, layout):
    joint, present = clips(seed, frames, layout)
    bones = bone(joint, present, layout.parents)
    expected = np.zeros_like(joint)
    for child, parent in layout.bones:
        for body in range(2):
            for frame in range(frames):
                if present[body, frame]:
                    expected[body, frame, child] = (
                        joint[body, frame, child] - joint[body, frame, parent]
                    )
    np.testing.assert_array_equal(bones, expected)
    assert not bones[:, :, layout.centre].any()


@given(st.integers(0, 500), LAYOUTS)
def test_bones_lead_from_the_centre_to_every_joint(seed, layout):
    joint, present = clips(seed, 3, layout)
    bones = bone(joint, present, layout.parents)
    for start in range(layout.joint_count):
        total, at = np.zeros((2, 3, 3), np.float32), start
        while at != layout.centre:
            total += bones[:, :, at]
            at = layout.parents[at]
        np.testing.assert_allclose(
            total, joint[:, :, start] - joint[:, :, layout.centre], atol=1e-5
        )


@given(st.integers(0, 500), st.floats(-3, 3), LAYOUTS)
def test_bones_do_not_see_where_the_body_stands_and_absence_is_zero(seed, shift, layout):
    joint, present = clips(seed, 4, layout)
    moved = joint + np.float32(shift)
    moved[~present] = np.random.default_rng(seed).normal(size=moved[~present].shape)
    bones = bone(moved, present, layout.parents)
    np.testing.assert_allclose(bones, bone(joint, present, layout.parents), atol=2e-6)
    assert not bones[~present].any()


def test_derive_gives_what_is_asked_for_in_that_order():
    joint, present = clips(1, 5, KINECT25)
    made = derive(["bone-motion", "joint", "motion"], joint, present, KINECT25)
    assert list(made) == ["bone-motion", "joint", "motion"]
    assert made["joint"] is joint
    np.testing.assert_array_equal(made["motion"], motion(joint, present))
    bones = bone(joint, present, KINECT25.parents)
    np.testing.assert_array_equal(made["bone-motion"], motion(bones, present))
    np.testing.assert_array_equal(derive(["bone"], joint, present, KINECT25)["bone"], bones)


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ([], ("joint", "motion")),
        (["bone"], ("joint", "motion", "bone")),
        ([" bone-motion ", "bone", "bone"], ("joint", "motion", "bone", "bone-motion")),
    ],
)
def test_joint_and_motion_are_always_there(asked, chosen):
    assert choose_streams(asked) == chosen


@pytest.mark.parametrize("name", ["bones", "", "Joint"])
def test_an_unknown_stream_is_refused_with_the_list(name):
    with pytest.raises(
        UsageError, match=rf"'{name}'; use some of: joint, motion, bone, bone-motion"
    ):
        choose_streams(["joint", name])


def test_prepare_writes_the_streams_asked_for(tmp_path):
    write_ucla(tmp_path / "raw", 5, seed=2)
    plain = prepare("ucla", [tmp_path / "raw"], tmp_path / "a.zarr", frames=6)
    rich = prepare(
        "ucla", [tmp_path / "raw"], tmp_path / "b.zarr", frames=6, streams=["bone", "bone-motion"]
    )
    store = open_store(tmp_path / "b.zarr")
    assert store.streams == ("joint", "motion", "bone", "bone-motion")
    assert open_store(tmp_path / "a.zarr").streams == ("joint", "motion")
    assert rich.content_digest == plain.content_digest
    expected = derive(store.streams, store.read(), store.read_present(), store.layout)
    for name in store.streams:
        np.testing.assert_array_equal(store.read(stream=name), expected[name])
    assert np.abs(store.read(stream="bone-motion")).max() > 0
    with pytest.raises(UsageError, match="unknown stream 'spine'"):
        prepare("ucla", [tmp_path / "raw"], tmp_path / "c.zarr", streams=["spine"])
