"""Skeleton mixing: what is replaced, by whose, and how often which draw comes."""

from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pspmodel.data.mixing import donors, draw_mix, mixed
from pspmodel.errors import UsageError
from skeldata import KINECT20, KINECT25

layouts = pytest.mark.parametrize("layout", [KINECT20, KINECT25], ids=lambda layout: layout.name)


def seeded(seed, *arguments, **named):
    torch.manual_seed(seed)
    return draw_mix(*arguments, **named)


@layouts
@pytest.mark.parametrize(("frames", "lengths"), [(64, range(4, 8)), (50, range(3, 7))])
def test_a_draw_is_some_parts_for_a_run_of_cells(layout, frames, lengths):
    seen = Counter()
    for seed in range(300):
        mix = seeded(seed, 9, frames, layout)
        assert 1 <= mix.shift <= 8
        inside = mix.places.any(dim=1).nonzero().flatten().tolist()
        joints = set(mix.places.any(dim=0).nonzero().flatten().tolist())
        first, last = inside[0], inside[-1]
        assert inside == list(range(first, last + 1))
        assert first % 4 == 0
        assert (last + 1) % 4 == 0 or last + 1 == frames
        length = -(-(last + 1 - first) // 4)
        assert length in lengths
        parts = [number for number, part in enumerate(layout.bodies) if set(part) <= joints]
        assert set().union(*(layout.bodies[number] for number in parts)) == joints
        assert len(parts) in (3, 4)
        assert int(mix.places.sum()) == len(inside) * len(joints)
        if layout is KINECT25:
            assert len(joints) in ({13, 14, 15, 16, 17} if len(parts) == 3 else {19, 20, 21})
        seen.update([("shift", mix.shift), ("parts", len(parts)), ("length", length)])
        seen.update([("start", first), *(("part", number) for number in parts)])
    assert {shift for what, shift in seen if what == "shift"} == set(range(1, 9))
    assert {length for what, length in seen if what == "length"} == set(lengths)
    assert {part for what, part in seen if what == "part"} == set(range(5))
    cells = -(-frames // 4)
    assert max(start for what, start in seen if what == "start") == 4 * (cells - lengths[0])
    assert ("start", 0) in seen
    for value in (3, 4):
        assert 100 < seen["parts", value] < 200


def people(counts):
    return torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))


@given(st.lists(st.integers(0, 3), min_size=2, max_size=7), st.data())
def test_donors_are_the_same_person_of_the_shifted_clip(counts, data):
    if not sum(counts):
        return
    shift = data.draw(st.integers(1, len(counts) - 1))
    clip_index = people(counts)
    order = torch.tensor(data.draw(st.permutations(range(len(clip_index)))))
    for index in (clip_index, clip_index[order]):
        rows = donors(index, len(counts), shift)
        for row, clip in enumerate(index.tolist()):
            donor = (clip + shift) % len(counts)
            assert donor != clip
            theirs = [r for r, c in enumerate(index.tolist()) if c == donor]
            mine = [r for r, c in enumerate(index.tolist()) if c == clip].index(row)
            expected = theirs[mine % len(theirs)] if theirs else row
            assert int(rows[row]) == expected


@layouts
def test_inside_is_the_donors_and_outside_untouched(layout):
    mix = seeded(3, 4, 50, layout)
    clip_index = people([2, 1, 1, 2])
    rows = donors(clip_index, 4, mix.shift)
    x = torch.randn(6, 3, 50, layout.joint_count)
    y = mixed(x, rows, mix.places)
    for person in range(6):
        donor = int(rows[person])
        assert int(clip_index[donor]) == (int(clip_index[person]) + mix.shift) % 4
        assert torch.equal(y[person][:, mix.places], x[donor][:, mix.places])
        assert torch.equal(y[person][:, ~mix.places], x[person][:, ~mix.places])
        changed = (y[person] != x[person]).sum()
        assert changed == 3 * mix.places.sum()


def test_a_draw_follows_from_the_default_generator():
    assert torch.equal(seeded(1, 5, 64, KINECT25).places, seeded(1, 5, 64, KINECT25).places)
    assert len({seeded(seed, 5, 64, KINECT25).places.numpy().tobytes() for seed in range(9)}) == 9


def test_other_bounds():
    for seed in range(20):
        whole = seeded(seed, 2, 8, KINECT20, parts=(5, 5), share=(1, 1))
        assert whole.places.all()
        assert whole.shift == 1
        small = seeded(seed, 2, 50, KINECT20, parts=(1, 1), share=(0, 0.01))
        assert int(small.places.sum()) in (4 * 4, 2 * 4)


def test_what_cannot_be_mixed_is_refused():
    with pytest.raises(UsageError, match="a batch has 1"):
        draw_mix(1, 64, KINECT25)
    for wrong in ({"parts": (0, 3)}, {"parts": (4, 3)}, {"parts": (3, 6)}, {"share": (0.5, 0.2)},
                  {"share": (0.5, 1.2)}):  # fmt: skip
        with pytest.raises(UsageError, match="skeleton mixing cannot take"):
            draw_mix(4, 64, KINECT25, **wrong)
