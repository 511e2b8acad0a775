"""Values of streams and presence that cannot be."""

import re

import numpy as np
import pytest

from skeldata import open_store
from skeldata.store.verify import verify_store
from skeldata.streams import derive
from support.store_files import change, name_of, rewrite, told


@pytest.mark.parametrize(
    ("stream", "problem"),
    [
        ("motion", "is not the difference of consecutive joints"),
        ("bone", "is not the difference of joint and parent joint"),
        ("bone-motion", "is not the difference of consecutive bones"),
    ],
)
def test_a_stream_that_does_not_follow_is_found_in_its_row(store, stream, problem):
    def nudge(values):
        values[[7, 9], 0, 1, 3, 2] = np.nextafter(values[[7, 9], 0, 1, 3, 2], np.float32(9))

    change(store, stream, nudge)
    expected = f"{stream}, block 1, row 7 ({name_of(store, 7)}): {problem} (and 1 more rows)"
    assert told(store) == expected


def test_a_changed_joint_contradicts_streams_and_digest(store):
    def nudge(values):
        values[12, 0, 2, 5, 0] += 1e-3

    change(store, "joint", nudge)
    lines = told(store).splitlines()
    assert [line.partition(",")[0] for line in lines[:-1]] == ["motion", "bone", "bone-motion"]
    assert all(f"block 2, row 12 ({name_of(store, 12)})" in line for line in lines[:-1])
    assert lines[-1].startswith("attributes: content_digest is ")


def test_a_consistent_change_of_all_streams_contradicts_the_digest(store):
    opened = open_store(store)
    joint = opened.read()
    joint[3, 0] *= np.float32(1.5)
    made = derive(opened.streams, joint, opened.read_present(), opened.layout)
    for name, values in made.items():
        change(store, name, lambda _, values=values: values)
    (finding,) = verify_store(store)
    digest = open_store(store).content_digest
    assert re.fullmatch(
        rf"content_digest is {digest}, the rows give [0-9a-f]{{64}}", finding.problem
    )


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (np.nan, "joint, block 0, row 2 .*: has values that are not finite"),
        (-np.inf, "joint, block 0, row 2 .*: has values that are not finite"),
    ],
)
def test_values_that_are_not_finite_are_found(store, value, problem):
    def spoil(values):
        values[2, 0, 0, 0, 0] = value

    change(store, "joint", spoil)
    assert re.match(problem, told(store))


@pytest.mark.parametrize("value", [1e-30, -0.0])
@pytest.mark.parametrize("stream", ["joint", "bone-motion"])
def test_an_absent_body_is_exactly_zero(store, stream, value):
    row = int(np.argmin(open_store(store).read_present()[:, 1].any(axis=1)))

    def spoil(values):
        values[row, 1, 0, 0, 0] = value

    change(store, stream, spoil)
    problem = f"row {row} ({name_of(store, row)}): is not exactly 0 where a body is absent"
    assert f"{stream}, block {row // 5}, {problem}" in told(store)


def test_presence_must_have_a_body_in_every_frame_and_enters_the_digest(store):
    absent = int(np.argmin(open_store(store).read_present()[:, 1].any(axis=1)))

    def invent(values):
        values[absent, 1] = True

    change(store, "present", invent)
    assert "attributes: content_digest is" in told(store)

    def remove(values):
        values[6, :, 2] = False

    change(store, "present", remove)
    assert f"present, block 1, row 6 ({name_of(store, 6)}): has a frame without any body" in told(
        store
    )


def test_a_boolean_is_0_or_1(store):
    for path, block in (("present", "c/1/0/0"), ("splits/xsub/train", "c/0")):
        rewrite(store, path, compressors=None)
        data = bytearray((store / path / block).read_bytes())
        data[data.index(1)] = 3
        (store / path / block).write_bytes(data)
        assert re.search(f"^{path}.*: has bytes other than 0 and 1$", told(store), re.MULTILINE)
