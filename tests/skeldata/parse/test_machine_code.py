import os
import subprocess
import sys
from ctypes import c_char_p, c_int64, c_void_p
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("numba")
from skeldata import read_ucla
from skeldata.parse import machine_code
from skeldata.parse.buffers import address, terminated
from skeldata.parse.choice import WORTH_COMPILED, load_parser
from skeldata.parse.machine_code import kept_at
from skeldata.synth import ucla_bytes
from support.sequences import facts

DATA = ucla_bytes("a03_s02_e01_v03", frames=4)
ARGUMENTS = (c_char_p, c_int64, c_int64, c_int64, c_void_p, c_void_p)
BEGIN = DATA.index(b"[[[") + 1


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def load():
    """Anew, whatever this process has loaded before."""
    return machine_code.load_kernel.__wrapped__("ucla_kernel", *ARGUMENTS)


def check(kernel):
    xyz, counts = np.zeros((4, 20, 3), np.float32), np.zeros(2, np.int64)
    text = terminated(DATA)
    kernel(text, len(text), BEGIN, len(xyz), address(xyz), address(counts))
    assert counts.tolist() == [4, DATA.index(b'], "label"')]
    np.testing.assert_array_equal(xyz, read_ucla(DATA).bodies[0].xyz)


def test_code_is_kept_whole_and_made_again_where_it_is_damaged(folder):
    assert kept_at("ucla_kernel") is None
    check(load())
    (file,) = folder.iterdir()
    assert file.name.startswith("ucla_kernel-")
    whole = file.read_bytes()
    os.utime(file, (1e9, 1e9))
    assert kept_at("ucla_kernel") == 1e9
    check(load())
    assert file.stat().st_mtime == 1e9  # loaded, not made
    for broken in (b"", whole[:-1], whole[:-1] + bytes([whole[-1] ^ 1])):
        file.write_bytes(broken)
        check(load())
        assert [*folder.iterdir()] == [file]
        assert len(file.read_bytes()) == len(whole)


def test_later_processes_need_no_numba(folder):
    program = (
        "import sys\n"
        "from skeldata.parse.choice import load_parser\n"
        "parser = load_parser('ucla')\n"
        f"parser.read({DATA!r})\n"
        "print(parser.engine, *(name in sys.modules for name in ('numba', 'scipy')))\n"
    )
    command = [sys.executable, "-c", program]
    printed = [subprocess.run(command, capture_output=True, text=True).stdout for _ in range(2)]
    assert printed[0].startswith("numba True")
    assert printed[1] == "numba False False\n"


def test_where_code_cannot_be_kept_the_plain_parser_reads(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    with pytest.raises(RuntimeError, match="set NUMBA_CACHE_DIR to one"):
        load()
    machine_code.load_kernel.cache_clear()
    parser = load_parser("ucla", WORTH_COMPILED)
    assert parser.engine == "python"
    assert facts(parser.read(DATA)) == facts(read_ucla(DATA))


def test_another_source_processor_or_numba_is_other_code(tmp_path, monkeypatch):
    found = {machine_code._key("cpu", "+a"), machine_code._key("cpu", "+b")}
    found.add(machine_code._key("other", "+a"))
    with monkeypatch.context() as patch:
        patch.setattr(machine_code, "find_spec", lambda name: None)
        found.add(machine_code._key("cpu", "+a"))
    for number in (1, 2):
        (tmp_path / "ntu_kernel.py").write_text(f"x = {number}\n")
        monkeypatch.setattr(machine_code, "_HERE", tmp_path)
        found.add(machine_code._key("cpu", "+a"))
    assert len(found) == 6


def test_llvm_that_is_too_old_is_as_none(monkeypatch):
    from llvmlite import binding as llvm

    monkeypatch.delattr(llvm, "create_pass_builder")
    machine_code.load_kernel.cache_clear()
    assert load_parser("ucla", WORTH_COMPILED).engine == "python"


def test_a_kernel_that_needs_numbas_runtime_is_refused():
    """LLVM's linker would end the process."""
    from llvmlite import binding as llvm

    def kernel(numbers):
        numbers[0] = np.arange(numbers[0]).sum()

    module = SimpleNamespace(__name__="wasteful", kernel=kernel, SIGNATURE="void(CPointer(int64))")
    machine = llvm.Target.from_default_triple().create_target_machine()
    with pytest.raises(RuntimeError, match=r"wasteful needs .*NRT"):
        machine_code._compiled(llvm, machine, module)
