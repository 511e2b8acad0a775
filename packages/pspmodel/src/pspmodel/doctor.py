"""What PyTorch can do on this machine: threads, bf16 and how quick it is, devices, extras."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from importlib.metadata import version

import torch

import pspmodel
from skeldata.doctor import Check, cores, extras, usable_cores

EXTRAS: dict[str, tuple[tuple[str, ...], str]] = {
    "analysis": (("scikit-learn",), "`pspmodel tsne`"),
    "tensorboard": (("tensorboard",), "curves in TensorBoard while a run goes on"),
}
"""Optional dependencies: which distributions, and what they bring."""

_GIB = 1 << 30
_SIZE = {"cpu": 512, "cuda": 4096}  # of the square matrices that are multiplied
_ROUNDS = 12
_BF16_NATIVE = ("amx", "avx512_bf16", "bf16")  # of /proc/cpuinfo's flags
_QUICKER = 1.2  # times fp32's speed, from which on bf16 is worth its rounding


def examine() -> list[Check]:
    """Look at PyTorch and the machine; multiplies a few matrices, a second on a usual machine."""
    return [
        Check("pspmodel", "ok", f"{pspmodel.__version__}, skeldata {version('skeldata')}"),
        Check("torch", "ok", f"{torch.__version__}, {_built_for()}"),
        Check("cpu", "ok", _capability()),
        cores(),
        _threads(),
        _bf16("cpu"),
        *_devices(),
        _compile(),
        *extras("pspmodel", EXTRAS),
    ]


def speeds(device: str, *dtypes: torch.dtype) -> list[float]:
    """FLOP/s of products of square matrices in each type: of several in turn, the quickest."""
    size = _SIZE[torch.device(device).type]
    matrices = [torch.ones(size, size, device=device, dtype=dtype) for dtype in dtypes]
    times: list[list[float]] = [[] for _ in dtypes]
    for _ in range(_ROUNDS):
        for matrix, found in zip(matrices, times, strict=True):
            start = time.perf_counter()
            matrix @ matrix
            if matrix.is_cuda:
                torch.cuda.synchronize(device)
            found.append(time.perf_counter() - start)
    return [2.0 * size**3 / min(found) for found in times]


def _built_for() -> str:
    if torch.version.cuda:
        return f"built for CUDA {torch.version.cuda}"
    if torch.version.hip:
        return f"built for ROCm {torch.version.hip}"
    return "built for the CPU alone"


def _capability() -> str:
    return f"kernels for {torch.backends.cpu.get_cpu_capability()}"


def _threads() -> Check:
    threads, usable = torch.get_num_threads(), usable_cores()
    stated = os.environ.get("OMP_NUM_THREADS")
    value = f"{threads}" + (f" (OMP_NUM_THREADS={stated})" if stated else "")
    if threads > usable:
        advice = f"export OMP_NUM_THREADS={usable}: more threads than cores wait for each other"
        return Check("threads", "slow", f"{value} on {usable} usable cores", advice)
    if threads < usable:
        advice = f"a run alone on this machine is quicker with OMP_NUM_THREADS={usable}"
        return Check("threads", "note", f"{value} of {usable} usable cores", advice)
    return Check("threads", "ok", value)


def _bf16(device: str) -> Check:
    """Whether bf16 is quicker than fp32 here, measured."""
    topic = f"bf16 on {device}"
    try:
        full, half = speeds(device, torch.float32, torch.bfloat16)
    except RuntimeError as error:
        return Check(topic, "missing", f"not supported: {str(error).splitlines()[0]}", _STAY)
    ratio = half / full
    value = f"{_flops(half)}, fp32 {_flops(full)}: {ratio:.2g} times as fast"
    if ratio >= _QUICKER:
        advice = "matrix products alone; `pspmodel bench --quick` times whole steps in both"
        return Check(topic, "ok", value, advice)
    if device == "cpu" and not _native_bf16():
        value += "; this processor has no bf16 instructions"
    return Check(topic, "slow", value, _STAY)


_STAY = "stay with train.precision=fp32 here"


def _native_bf16() -> bool:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
            line = next((line for line in file if line.startswith(("flags", "Features"))), "")
    except OSError:
        return True  # unknown: say nothing
    return any(flag.startswith(_BF16_NATIVE) for flag in line.partition(":")[2].split())


def _devices() -> Iterator[Check]:
    if not torch.cuda.is_available():
        if shutil.which("nvidia-smi") is None:
            advice = "training runs on the CPU: fine for recipe tiny, weeks for NTU"
            yield Check("cuda", "note", "no NVIDIA driver here", advice)
        elif torch.version.cuda is None:
            advice = "install PyTorch for CUDA: https://pytorch.org/get-started/locally"
            yield Check("cuda", "missing", "a driver is here, but this PyTorch is CPU-only", advice)
        else:
            advice = "see what nvidia-smi says: no device, or a driver older than this PyTorch"
            yield Check("cuda", "missing", "a driver is here, but PyTorch finds no device", advice)
        return
    for index in range(torch.cuda.device_count()):
        facts = torch.cuda.get_device_properties(index)
        free, total = torch.cuda.mem_get_info(index)
        value = (
            f"{facts.name}, compute capability {facts.major}.{facts.minor}, "
            f"{free / _GIB:.0f} of {total / _GIB:.0f} GiB free"
        )
        yield Check(f"cuda:{index}", "ok", value)
        yield _bf16(f"cuda:{index}")


def _compile() -> Check:
    compilers = [name for name in ("g++", "clang++", "c++") if shutil.which(name)]
    if compilers or torch.cuda.is_available():
        return Check("torch.compile", "ok", compilers[0] if compilers else "for CUDA, by Triton")
    advice = "install g++ to use it on the CPU; training does without"
    return Check("torch.compile", "note", "no C++ compiler found", advice)


def _flops(value: float) -> str:
    if value >= 1e12:
        return f"{value / 1e12:,.1f} TFLOP/s"
    return f"{value / 1e9:,.0f} GFLOP/s"
