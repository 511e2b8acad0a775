"""The machine code of compiled functions, kept on disk so that later processes need no numba.

numba's own cache spares a process the compiling, but not numba itself: a third of a second and
90 MB to load, in the parent and in every worker. Here the code that numba and LLVM make of a
*kernel* is kept as an object file, and loaded with LLVM's linker alone, in a tenth of that.

A kernel is a module of this folder that numba compiles (it may import it), with

- ``kernel``: a function of pointers and whole numbers that returns nothing, never raises and calls
  nothing of numba's runtime: no slices, no new arrays;
- ``SIGNATURE``: its type, as numba writes it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from ctypes import CFUNCTYPE, addressof, c_int32, c_void_p, sizeof
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
_ENTRY = "kernel"
_DIGEST_BYTES = 32
_POINTER_BYTES = sizeof(c_void_p)
_loaded: list[Any] = []  # what holds the memory that code lies in, as long as the process lives
# Where numba's functions leave their result and their exception: kernels have neither.
_unused = (c_void_p * 2)()


@cache
def load_kernel(name: str, *arguments: type) -> Callable[..., object]:
    """A kernel's function, compiled for this machine; it runs without Python's lock.

    Args:
        name: of its module, e.g. ``ntu_kernel``.
        arguments: the types of its arguments, as ctypes has them.

    Raises:
        ImportError: numba or LLVM is not installed or broken.
        RuntimeError: they fail, or there is no place to keep the code.
    """
    from llvmlite import binding as llvm  # type: ignore[import-untyped]

    if not hasattr(llvm, "create_pass_builder"):
        raise ImportError("llvmlite before 0.44: install numba 0.61 or newer")
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    cpu, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    # As numba has it: on x86 code that is loaded so must not expect to be moved.
    reloc = "static" if target.name.startswith("x86") else "default"
    machine = target.create_target_machine(
        cpu=cpu, features=features, opt=3, reloc=reloc, codemodel="jitdefault", jit=True
    )
    file = f"{name}-{_key(cpu, features)}.o"
    code = _kept(file)
    if code is None:
        code = _compiled(llvm, machine, import_module(f"skeldata.parse.{name}"))
        _keep(file, code)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _loaded.append(engine)
    function = CFUNCTYPE(c_int32, c_void_p, c_void_p, *arguments)
    result = addressof(_unused)
    return partial(function(engine.get_function_address(_ENTRY)), result, result + _POINTER_BYTES)


def kept_at(name: str) -> float | None:
    """When a kernel's code was last put on disk, for whatever machine; None if it is nowhere."""
    files = [file for folder in _folders() for file in folder.glob(f"{name}-*.o")]
    return max((file.stat().st_mtime for file in files), default=None)


def _compiled(llvm: Any, machine: Any, module: Any) -> bytes:
    """The object file of a kernel, its function under the name ``kernel``."""
    from numba import cfunc

    made = cfunc(module.SIGNATURE, nogil=True, error_model="numpy")(module.kernel)
    code = llvm.parse_assembly(made.inspect_llvm())
    # numba wraps the function into one that can raise in Python, which leads into numba's runtime.
    # That wrapper goes: only what the function itself calls is left.
    inner = made.native_name.removeprefix("cfunc.")
    for function in code.functions:
        if function.name == inner:
            function.name = _ENTRY
        elif not function.is_declaration:
            function.linkage = "internal"
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    passes = llvm.create_pass_builder(machine, tuning)
    passes.getModulePassManager().run(code, passes)
    foreign = [
        f.name for f in code.functions if f.is_declaration and not f.name.startswith("llvm.")
    ]
    if foreign:  # LLVM's linker would end the process
        raise RuntimeError(f"{module.__name__} needs {', '.join(foreign)}")
    return bytes(machine.emit_object(code))


def _key(cpu: str, features: str) -> str:
    """Digest of everything that code depends on: source, compilers, processor."""
    import llvmlite

    state = hashlib.sha256(f"{llvmlite.__version__}|{cpu}|{features}".encode())
    spec = find_spec("numba")
    for folder in spec.submodule_search_locations or () if spec else ():
        with suppress(OSError):
            state.update(Path(folder, "_version.py").read_bytes())
    for source in sorted(_HERE.glob("*.py")):
        state.update(source.read_bytes())
    return state.hexdigest()[:24]


def _folders() -> list[Path]:
    """Where code may be kept, the first choice first; as numba has it for its own."""
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return [Path(chosen)]
    home = os.environ.get("XDG_CACHE_HOME") or Path("~", ".cache").expanduser()
    return [_HERE / "__pycache__", Path(home, "skeldata")]


def _kept(file: str) -> bytes | None:
    for folder in _folders():
        with suppress(OSError):
            content = (folder / file).read_bytes()
            code = content[_DIGEST_BYTES:]
            if content[:_DIGEST_BYTES] == hashlib.sha256(code).digest():
                return code
    return None


def _keep(file: str, code: bytes) -> None:
    """Put code on disk, whole or not at all: other processes may do the same now."""
    for folder in _folders():
        torn = folder / f"{file}.{os.getpid()}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            torn.write_bytes(hashlib.sha256(code).digest() + code)
            torn.replace(folder / file)
        except OSError:
            with suppress(OSError):
                torn.unlink()
        else:
            return
    raise RuntimeError("no place to keep compiled code: set NUMBA_CACHE_DIR to one")
