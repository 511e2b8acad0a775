import subprocess
import sys

import pytest

from skeldata import ParseError, read_ntu, read_ucla
from skeldata.parse import choice
from skeldata.parse.choice import WORTH_COMPILED, load_parser, parser_in_use
from skeldata.synth import ntu_bytes, ucla_bytes
from support.sequences import facts

FILES = {
    "ntu": ntu_bytes("S001C001P003R001A055", frames=4),
    "ucla": ucla_bytes("a03_s02_e01_v03", frames=4),
}
PLAIN = {"ntu": read_ntu, "ucla": read_ucla}


@pytest.mark.parametrize("family", PLAIN)
def test_little_work_is_done_by_the_plain_parser(family):
    parser = load_parser(family, WORTH_COMPILED - 1)
    assert (parser.engine, parser.read) == ("python", PLAIN[family])


@pytest.mark.parametrize("family", PLAIN)
def test_without_numba_the_plain_parser_reads_everything(family, monkeypatch):
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    assert parser_in_use(family) == "python"
    assert load_parser(family).read is PLAIN[family]


@pytest.mark.parametrize("error", [ImportError("llvmlite is broken"), RuntimeError("no locator")])
def test_a_numba_that_does_not_run_is_as_none(monkeypatch, error):
    pytest.importorskip("numba")

    def broken(family):
        raise error

    monkeypatch.setattr(choice, "_compiled", broken)
    assert load_parser("ntu").engine == "python"


@pytest.mark.parametrize("family", PLAIN)
def test_much_work_is_compiled_and_worded_by_the_plain_parser(family):
    pytest.importorskip("numba")
    parser = load_parser(family)
    assert parser_in_use(family) == parser.engine == "numba"
    data = FILES[family]
    assert facts(parser.read(data)) == facts(PLAIN[family](data))
    for broken in (data[:-40], b"", data.replace(b"2", b"x")):
        with pytest.raises(ParseError) as expected:
            PLAIN[family](broken)
        with pytest.raises(ParseError) as caught:
            parser.read(broken)
        assert str(caught.value) == str(expected.value)


def test_reading_a_few_files_never_loads_numba():
    program = (
        "import sys\n"
        "from skeldata.parse.choice import load_parser\n"
        "load_parser('ntu', 1000), load_parser('ucla', 1000)\n"
        "import skeldata.worker, skeldata.pool\n"
        "assert 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
