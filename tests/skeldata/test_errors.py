import pickle

import pytest

from skeldata import errors


def tree(kind=errors.SkeldataError):
    yield kind
    for sub in kind.__subclasses__():
        yield from tree(sub)


@pytest.mark.parametrize("kind", list(tree()))
def test_every_error_is_in_the_picture_with_its_exit_code(kind):
    line = next(text for text in errors.__doc__.splitlines() if kind.__name__ in text)
    assert f"exit {kind.exit_code}" in line


def test_parse_errors_cross_processes_whole():
    error = errors.ParseError("bad", line=3, name="x")
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == str(error) == "x, line 3: bad"
    assert (copy.reason, copy.line, copy.name) == ("bad", 3, "x")


def test_an_error_can_be_given_a_name():
    assert str(errors.ParseError("bad").named("y")) == "y: bad"
    assert str(errors.ParseError("bad")) == "input: bad"
