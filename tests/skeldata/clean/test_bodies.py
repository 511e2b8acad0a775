import numpy as np
import pytest

from skeldata import ParseError, RawBody, RawSequence, load_recipe
from skeldata.clean.bodies import energy, is_upright, select_by_energy

RULE = load_recipe("psp").selector


def body(body_id, frames, spread, height=1.8, width=0.5, seed=0):
    """A body whose joints fill a box and shake by ``spread``."""
    rng = np.random.default_rng(seed)
    rest = rng.uniform(size=(25, 3)) * (width, height, 0.3)
    rest[0], rest[1] = 0, (width, height, 0.3)
    xyz = rest + rng.normal(scale=spread, size=(len(frames), 25, 3))
    xyz[0] = rest
    return RawBody(body_id, np.array(frames), xyz.astype(np.float32) + 1)


def test_the_main_body_is_the_one_that_moves_most():
    calm, lively = body(1, range(10), 0.01), body(2, range(10), 0.5)
    tracks = select_by_energy(RawSequence(10, (calm, lively)), RULE, persons=2)
    np.testing.assert_array_equal(tracks.xyz[0], lively.xyz)
    np.testing.assert_array_equal(tracks.xyz[1], calm.xyz)


def test_a_quiet_body_that_lies_is_dropped_and_a_loud_one_is_kept():
    lively = body(1, range(10), 0.5)
    furniture = body(2, range(10), 0.01, height=0.3, width=1.5)
    assert len(select_by_energy(RawSequence(10, (furniture, lively)), RULE, 2).xyz) == 1
    lying = body(2, range(10), 0.5, height=0.3, width=1.5)
    assert energy(lying.xyz, 0) >= 0.85 * energy(lively.xyz, 0)
    assert len(select_by_energy(RawSequence(10, (lying, lively)), RULE, 2).xyz) == 2


def test_a_lonely_body_is_kept_whatever_its_shape():
    furniture = body(7, [3, 4], 0.01, height=0.3, width=1.5)
    tracks = select_by_energy(RawSequence(10, (furniture,)), RULE, 2)
    assert tracks.present.tolist() == [[True, True]]


def test_equal_energies_keep_the_order_of_appearance():
    first, second = body(9, range(5, 10), 0.1, seed=4), body(3, range(5), 0.1, seed=4)
    tracks = select_by_energy(RawSequence(10, (first, second)), RULE, 2)
    assert tracks.present[0].tolist() == [False] * 5 + [True] * 5


def test_frames_nobody_is_in_are_left_out():
    tracks = select_by_energy(
        RawSequence(9, (body(1, [2, 3, 7], 0.5), body(2, [3, 4], 0.4, seed=1))), RULE, 2
    )
    assert tracks.present.tolist() == [[True, True, False, True], [False, True, True, False]]
    assert not tracks.xyz[~tracks.present].any()


def test_frames_of_zeros_count_as_absent():
    seen = body(1, range(4), 0.1)
    seen.xyz[1] = 0
    tracks = select_by_energy(RawSequence(4, (seen,)), RULE, 1)
    assert tracks.present.shape == (1, 3)
    seen.xyz[:] = 0
    with pytest.raises(ParseError, match="no body"):
        select_by_energy(RawSequence(4, (seen,)), RULE, 1)


def test_upright_compares_height_with_width():
    box = np.array([[0, 0, 0], [1, 2, 9]], dtype=np.float32)
    assert is_upright(box, 0.8)
    assert not is_upright(box, 0.5)
