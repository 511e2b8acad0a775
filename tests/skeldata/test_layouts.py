import numpy as np
import pytest

from skeldata import KINECT20, KINECT25

both = pytest.mark.parametrize("layout", [KINECT20, KINECT25], ids=lambda layout: layout.name)


@both
def test_groups_partition_the_joints_and_nest(layout):
    for groups in (layout.bodies, layout.parts):
        assert sorted(joint for group in groups for joint in group) == list(
            range(layout.joint_count)
        )
    part_to_body = np.array(layout.part_to_body)
    np.testing.assert_array_equal(part_to_body[layout.joint_to_part], layout.joint_to_body)


@both
def test_the_bones_are_a_tree_rooted_in_the_centre_side(layout):
    assert len(layout.bones) == layout.joint_count - 1
    reached, before = {layout.centre}, 0
    while len(reached) > before:
        before = len(reached)
        for a, b in layout.bones:
            reached |= {a, b} if reached & {a, b} else set()
    assert reached == set(range(layout.joint_count))


@both
def test_flip_is_an_involution_that_maps_bones_to_bones(layout):
    flip = layout.flip_index
    np.testing.assert_array_equal(flip[flip], np.arange(layout.joint_count))
    bones = {frozenset(bone) for bone in layout.bones}
    assert {frozenset(flip[list(bone)].tolist()) for bone in bones} == bones
    for left, right in layout.flip_pairs:
        assert layout.joints[left].startswith("left")
        assert layout.joints[right] == layout.joints[left].replace("left", "right")


def test_published_numbers():
    # As 2s-AGCN, DSTA-Net and PSTL state them.
    assert KINECT25.flip_index.tolist() == [
        0, 1, 2, 3, 8, 9, 10, 11, 4, 5, 6, 7, 16, 17, 18, 19, 12, 13, 14, 15, 20, 23, 24, 21, 22,
    ]  # fmt: skip
    assert KINECT25.degrees.tolist() == [
        3, 2, 2, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 1, 4, 1, 2, 1, 2,
    ]  # fmt: skip
    assert KINECT20.degrees.tolist() == [
        3, 2, 4, 1, 2, 2, 2, 1, 2, 2, 2, 1, 2, 2, 2, 1, 2, 2, 2, 1,
    ]  # fmt: skip
    assert KINECT25.joint_to_part.tolist() == [
        0, 0, 1, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 6, 7, 7, 8, 8, 9, 9, 0, 3, 3, 5, 5,
    ]  # fmt: skip
    assert KINECT25.joint_to_body.tolist() == [
        4, 4, 4, 4, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 0, 0, 1, 1,
    ]  # fmt: skip
    assert [len(group) for group in KINECT20.parts] == [2] * 10
    assert [len(group) for group in KINECT20.bodies] == [4] * 5
