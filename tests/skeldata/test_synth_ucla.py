"""Synthetic NW-UCLA files look like the real ones."""

from __future__ import annotations

import json

import numpy as np
import pytest

from skeldata.datasets import get_dataset
from skeldata.errors import UsageError
from skeldata.names import UCLA_ACTIONS
from skeldata.synth import ucla_bytes
from support.naive_raw import read_naive_ucla

NAMES = get_dataset("nw-ucla").official_names()


@pytest.mark.parametrize("action", UCLA_ACTIONS)
def test_each_action_is_valid_and_labelled_by_its_position(action):
    name = f"a{action:02d}_s01_e00_v01"
    data = ucla_bytes(name, frames=5)
    assert read_naive_ucla(data, name).shape == (5, 20, 3)
    assert json.loads(data)["label"] == UCLA_ACTIONS.index(action) + 1


def test_the_text_is_what_python_dumps_on_one_line():
    data = ucla_bytes(NAMES[0])
    assert data == json.dumps(json.loads(data)).encode()
    assert data.startswith(b'{"file_name": "a01_s01_e00_v01", "skeletons": [[[')
    assert data.endswith(b']]], "label": 1}')


def test_numbers_have_six_significant_digits():
    values = read_naive_ucla(ucla_bytes(NAMES[0], frames=40)).ravel()
    assert all(float(f"{value:.6g}") == value for value in values)
    assert np.mean([float(f"{value:.5g}") != value for value in values]) > 0.8


def test_lengths_are_spread_as_in_the_real_set():
    lengths = np.array([len(json.loads(ucla_bytes(name))["skeletons"]) for name in NAMES[::4]])
    assert lengths.min() == 1
    assert (lengths == 1).mean() < 0.04
    assert not ((lengths > 1) & (lengths < 6)).any()
    assert 26 < np.median(lengths) < 36
    assert 100 < lengths.max() <= 201


def test_the_body_stands_in_front_of_the_camera():
    for name in NAMES[::150]:
        xyz = read_naive_ucla(ucla_bytes(name, frames=20), name)
        assert np.all((xyz[..., 2] > 1) & (xyz[..., 2] < 5))
        head, hip, feet = xyz[0, 3, 1], xyz[0, 0, 1], xyz[0, [14, 18], 1]
        assert head > hip > feet.max()


def test_equal_arguments_give_equal_bytes_and_others_do_not():
    assert ucla_bytes(NAMES[5], 2) == ucla_bytes(NAMES[5], 2)
    assert ucla_bytes(NAMES[5], 2) != ucla_bytes(NAMES[5], 3)
    assert ucla_bytes(NAMES[5], 2) != ucla_bytes(NAMES[6], 2)


def test_wrong_use_says_what_is_wrong():
    with pytest.raises(UsageError, match="a07_s01_e00_v01"):
        ucla_bytes("a07_s01_e00_v01")
    with pytest.raises(UsageError, match="at least 1 frame"):
        ucla_bytes(NAMES[0], frames=0)
