import pytest
import torch

from pspmodel.errors import UsageError
from pspmodel.nn.stgcn import STGCN_CHANNELS, StGcn, adjacency
from skeldata import KINECT20, KINECT25

PSTL_CHANNELS = (16, 16, 16, 16, 32, 32, 32, 64, 64, 256)
layouts = pytest.mark.parametrize("layout", [KINECT20, KINECT25], ids=lambda layout: layout.name)


def test_parameter_counts_are_the_published_ones():
    def count(network):
        return sum(p.numel() for p in network.parameters())

    assert count(StGcn(KINECT25)) == 3_083_412
    assert count(StGcn(KINECT25, PSTL_CHANNELS, "distance")) == 821_380


@layouts
def test_direction_subsets_are_self_children_and_parent(layout):
    own, inward, outward = adjacency(layout, "direction")
    assert torch.equal(own, torch.eye(layout.joint_count, dtype=torch.float64))
    for child, parent in layout.bones:
        siblings = sum(other == parent for _, other in layout.bones)
        assert inward[child, parent] == pytest.approx(1 / siblings)
        assert outward[parent, child] == 1
    assert (inward > 0).sum() == (outward > 0).sum() == len(layout.bones)


@layouts
def test_distance_subsets_sum_to_the_normalised_neighbourhood(layout):
    subsets = adjacency(layout, "distance")
    total = subsets.sum(dim=0)
    torch.testing.assert_close(
        total.sum(dim=0), torch.ones(layout.joint_count, dtype=torch.float64)
    )
    degrees = torch.from_numpy(layout.degrees) + 1
    for joint in range(layout.joint_count):
        column = total[:, joint]
        torch.testing.assert_close(
            column[column > 0], (1 / degrees[joint]).double().expand(int(degrees[joint]))
        )
    # Every bone joins a nearer and a farther joint, so "as far" holds the joint itself alone.
    assert torch.equal(subsets[0] > 0, torch.eye(layout.joint_count) > 0)
    assert torch.equal(subsets[1] > 0, (subsets[2] > 0).T)
    centre = layout.centre
    assert not subsets[1][:, centre].any()
    assert not subsets[2][centre].any()


@layouts
def test_a_unit_equals_the_sum_over_subsets(layout):
    torch.manual_seed(0)
    network = StGcn(layout, (4,)).double().eval()
    unit = network.units[0]
    with torch.no_grad():
        unit.importance.normal_()
    x = torch.randn(2, 3, 6, layout.joint_count, dtype=torch.float64)
    weight, bias = unit.project.weight[:, :, 0, 0], unit.project.bias
    expected = torch.zeros(2, 4, 6, layout.joint_count, dtype=torch.float64)
    graph = adjacency(layout, "direction") * unit.importance
    for k in range(3):
        rows = slice(4 * k, 4 * k + 4)
        projected = torch.einsum("oc,pctv->potv", weight[rows], x) + bias[rows, None, None]
        for v in range(layout.joint_count):
            for w in range(layout.joint_count):
                expected[:, :, :, w] += projected[:, :, :, v] * graph[k, v, w]
    torch.testing.assert_close(unit(x), torch.relu(unit.temporal(expected)), rtol=1e-5, atol=1e-6)


def test_frames_halve_twice():
    network = StGcn(KINECT25, (8,) * 10).eval()
    for frames, expected in ((64, 16), (50, 13), (30, 8)):
        assert network(torch.randn(2, 3, frames, 25)).shape == (2, 8, expected, 25)
    assert len(STGCN_CHANNELS) == 10


def test_keeping_all_joints_is_the_plain_network_and_removal_is_not_zeroing():
    torch.manual_seed(0)
    network = StGcn(KINECT25, (8, 8, 8)).eval()
    x = torch.randn(3, 3, 20, 25)
    torch.testing.assert_close(network(x, torch.arange(25)), network(x), rtol=0, atol=0)
    keep = torch.tensor([j for j in range(25) if j not in (3, 20)])
    masked = network(x, keep)
    assert masked.shape == (3, 8, 20, 23)
    torch.testing.assert_close(network(x.flip(0), keep), masked.flip(0), rtol=1e-4, atol=1e-5)
    changed = x.clone()
    changed[..., [3, 20]] += 5
    torch.testing.assert_close(network(changed, keep), masked, rtol=0, atol=0)
    assert network(x, torch.tensor([7])).shape == (3, 8, 20, 1)


def test_no_units_is_refused():
    with pytest.raises(UsageError, match="at least one unit"):
        StGcn(KINECT25, ())
