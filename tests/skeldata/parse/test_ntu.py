import random

import numpy as np
import pytest

from skeldata import ParseError, read_ntu
from skeldata.errors import SourceError
from skeldata.parse.limits import MAX_FRAMES
from skeldata.synth import NTU_DAMAGES, ntu_bytes
from support import preparation_oracle as oracle

NAME = "S001C001P001R001A001"
TWO = "S001C001P003R001A055"


def lines_of(data):
    return data.split(b"\r\n" if b"\r\n" in data else b"\n")


@pytest.mark.parametrize("quirks", [True, False, ["crlf", "capital_e"], ["id_change"]])
@pytest.mark.parametrize("name", [NAME, "S003C002P007R002A012"])
def test_equals_a_naive_reader(name, quirks):
    data = ntu_bytes(name, seed=5, frames=30, quirks=quirks)
    frames = oracle.ntu_frames(data)
    sequence = read_ntu(data)
    assert sequence.frame_count == len(frames) == 30
    order = []
    for frame in frames:
        order += [int(body) for body in frame if int(body) not in order]
    assert [body.body_id for body in sequence.bodies] == order
    for body in sequence.bodies:
        own = [(i, f[str(body.body_id)]) for i, f in enumerate(frames) if str(body.body_id) in f]
        assert body.frame_index.tolist() == [i for i, _ in own]
        assert body.frame_index.dtype == np.int64
        expected = np.array([xyz for _, xyz in own]).astype(np.float32)
        assert body.xyz.dtype == np.float32
        np.testing.assert_array_equal(body.xyz, expected)


def test_ids_that_float64_cannot_tell_apart_stay_apart():
    lines = lines_of(ntu_bytes(TWO, frames=1, quirks=[]))
    first, second = 72057594037931101, 72057594037931102
    assert float(first) == float(second)
    for at, body_id in ((2, first), (29, second)):
        lines[at] = b" ".join([b"%d" % body_id, *lines[at].split(b" ")[1:]])
    assert [b.body_id for b in read_ntu(b"\n".join(lines)).bodies] == [first, second]


def test_only_files_without_trailing_newline_or_with_blank_end_are_the_same():
    data = ntu_bytes(NAME, frames=3, quirks=[])
    expected = read_ntu(data).bodies[0].xyz
    for variant in (data.rstrip(), data + b"\r\n\r\n", data.replace(b"\n", b"\r\n")):
        np.testing.assert_array_equal(read_ntu(variant).bodies[0].xyz, expected)


@pytest.mark.parametrize("damage", sorted(NTU_DAMAGES))
@pytest.mark.parametrize("seed", range(6))
def test_every_damage_is_refused_with_a_line_and_a_reason(damage, seed):
    valid = ntu_bytes(NAME, seed=seed, frames=14 + seed, quirks=seed % 2 == 0)
    read_ntu(valid)
    with pytest.raises(ParseError) as caught:
        read_ntu(NTU_DAMAGES[damage](valid, random.Random(seed)))
    assert caught.value.line >= 1
    assert caught.value.reason
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()


def replaced(line, text):
    lines = lines_of(ntu_bytes(NAME, frames=2, quirks=[]))
    lines[line - 1] = text
    return b"\n".join(lines)


JOINT = b"1 2 3 4 5 6 7 8 9 10 11 2"


@pytest.mark.parametrize(
    ("line", "text", "reason"),
    [
        (1, b"0", "frame count 0 is not 1 to 20000"),
        (1, b"%d" % (MAX_FRAMES + 1), "frame count 20001"),
        (1, b"2.0", "expected the frame count, found '2.0'"),
        (2, b"17", "body count 17 is not 0 to 16"),
        (3, b"7205759403793110x 0 1 1 1 1 0 0 0 2", "body id '7205759403793110x' is not a body id"),
        (3, b"-5 0 1 1 1 1 0 0 0 2", "body id '-5'"),
        (3, b"9223372036854775808 0 1 1 1 1 0 0 0 2", "body id '9223372036854775808'"),
        (4, b"24", "joint count 24 is not 25"),
        (6, JOINT[:-2], "line of joint 2 has 11 fields, not 12"),
        (6, JOINT.replace(b"2 3", b"NaN 3", 1), "y of joint 2 is not finite: 'NaN'"),
        (6, JOINT.replace(b"2 3", b"1_0 3", 1), "y of joint 2 is not a number: '1_0'"),
        (6, JOINT.replace(b"2 3", b"-1.#IND 3", 1), "y of joint 2 is not a number: '-1.#IND'"),
        (33, JOINT.replace(b"3 4", b"1e39 4", 1), "z of joint 1 is not finite: '1e39'"),
    ],
)
def test_reasons_name_line_and_value(line, text, reason):
    with pytest.raises(ParseError, match=reason) as caught:
        read_ntu(replaced(line, text))
    assert caught.value.line == line


def test_the_end_is_where_it_was_declared():
    data = ntu_bytes(NAME, frames=3, quirks=[])
    with pytest.raises(
        ParseError, match="the file ends where a line with the body count is due in frame 4 of 4"
    ):
        read_ntu(data.replace(b"3", b"4", 1))
    with pytest.raises(ParseError, match="more lines after the 2 declared frames") as caught:
        read_ntu(data.replace(b"3", b"2", 1))
    assert caught.value.line == 1 + 2 * 28 + 1


def test_other_fields_are_counted_but_not_read():
    data = replaced(6, b"1 2 3 nan x - ? 8 9 10 11 2")
    assert read_ntu(data).bodies[0].xyz[0, 1].tolist() == [1, 2, 3]


def test_paths_are_read_and_named(tmp_path):
    path = tmp_path / f"{NAME}.skeleton"
    path.write_bytes(ntu_bytes(NAME, frames=2))
    assert read_ntu(path).frame_count == read_ntu(str(path)).frame_count == 2
    path.write_bytes(b"1\n")
    with pytest.raises(ParseError, match=rf"^{NAME}\.skeleton, line 2: the file ends"):
        read_ntu(path)
    with pytest.raises(SourceError, match="cannot read"):
        read_ntu(tmp_path / "absent.skeleton")
