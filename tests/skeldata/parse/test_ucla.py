import json
import random

import numpy as np
import pytest

from skeldata import ParseError, read_ucla
from skeldata.synth import UCLA_DAMAGES, ucla_bytes

NAME = "a03_s02_e01_v03"
LABELS_THE_NAME_DECIDES = {"label of another class"}  # found in prepare, which knows the name


@pytest.mark.parametrize("frames", [1, 2, 201])
def test_equals_the_json(frames):
    data = ucla_bytes(NAME, seed=2, frames=frames)
    content = json.loads(data)
    sequence = read_ucla(data)
    (body,) = sequence.bodies
    assert sequence.frame_count == frames
    assert body.frame_index.tolist() == list(range(frames))
    assert body.xyz.shape == (frames, 20, 3)
    assert body.xyz.dtype == np.float32
    np.testing.assert_array_equal(body.xyz, np.array(content["skeletons"]).astype(np.float32))
    assert (sequence.stated_name, sequence.stated_label) == (NAME, content["label"])


def test_whole_numbers_and_exponents_are_numbers():
    content = json.loads(ucla_bytes(NAME, frames=1))
    content["skeletons"][0][3] = [0, -2, 1e-5]
    assert read_ucla(json.dumps(content).encode()).bodies[0].xyz[0, 3].tolist() == [
        0, -2, np.float32(1e-5),
    ]  # fmt: skip


@pytest.mark.parametrize("damage", sorted(UCLA_DAMAGES.keys() - LABELS_THE_NAME_DECIDES))
@pytest.mark.parametrize("seed", range(4))
def test_every_damage_is_refused_in_one_line(damage, seed):
    valid = ucla_bytes(NAME, seed=seed, frames=3 + seed)
    read_ucla(valid)
    with pytest.raises(ParseError) as caught:
        read_ucla(UCLA_DAMAGES[damage](valid, random.Random(seed)))
    assert caught.value.line == 1
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            lambda c: c["skeletons"][1][4].__setitem__(2, "0.5"),
            "z of frame 2, joint 5 is not a number: '0.5'",
        ),
        (
            lambda c: c["skeletons"][1][4].__setitem__(0, True),
            "x of frame 2, joint 5 is not a number: 'True'",
        ),
        (
            lambda c: c["skeletons"][1][4].__setitem__(1, 1e39),
            "y of frame 2, joint 5 is not finite: 1e[+]39",
        ),
        (lambda c: c["skeletons"][2].pop(), "frame 3 has 19 joints, not 20 joints"),
        (lambda c: c.__setitem__("skeletons", []), "skeletons holds 0 frames, not 1 to"),
        (lambda c: c.__setitem__("label", 1.5), "label is '1.5', not a whole number"),
        (lambda c: c.__setitem__("extra", 1), "unknown .*extra"),
        (lambda c: c.pop("label"), r"missing \['label'\]"),
    ],
)
def test_reasons_name_frame_joint_and_value(change, reason):
    content = json.loads(ucla_bytes(NAME, frames=3))
    change(content)
    with pytest.raises(ParseError, match=reason):
        read_ucla(json.dumps(content).encode())


def test_syntax_faults_name_line_and_column():
    data = json.dumps(json.loads(ucla_bytes(NAME, frames=1)), indent=1).encode()
    with pytest.raises(ParseError, match="not valid JSON at column") as caught:
        read_ucla(data.replace(b'"label": ', b'"label" ', 1))
    assert caught.value.line == data[: data.index(b'"label"')].count(b"\n") + 1


def test_a_key_twice_is_refused():
    data = ucla_bytes(NAME, frames=1)
    with pytest.raises(ParseError, match="stands twice"):
        read_ucla(data.rstrip()[:-1] + b', "label": 1}')
