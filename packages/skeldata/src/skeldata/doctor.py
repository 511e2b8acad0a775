"""What is installed here, what is slow and why, each with one line of advice.

`pspmodel doctor` shows its own findings the same way, through `Check` and `lines`.
"""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import skeldata
from skeldata.cores import usable_cores as usable_cores

State = Literal["ok", "note", "slow", "missing"]

EXTRAS: dict[str, tuple[tuple[str, ...], str]] = {
    "fast": (("numba", "isal"), "files parsed ten times, zips read twice as fast"),
    "view": (("matplotlib", "pillow"), "GIF and PNG from `skeldata view`"),
    "h5": (("h5py",), "`skeldata export --to h5`"),
    "dask": (("dask", "distributed"), "preparation on a dask cluster"),
}
"""Optional dependencies: which distributions, and what they bring."""

_NEEDED = ("numpy", "scipy", "zarr", "pydantic", "click", "rich")
_GIB = 1 << 30
_STORE_BYTES = 4 * _GIB  # NTU-60's two streams take 3.4 GB before compression
_MEMORY = 1 * _GIB
_REMOTE = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "lustre", "gpfs", "beegfs", "ceph")
_NTU60_FILES = 56_880
_TIMED_FILES = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One finding.

    Attributes:
        topic: what was looked at.
        state: ``ok``; ``note``, worth knowing; ``slow``; or ``missing``.
        value: what was found.
        advice: what to do about it, empty where there is nothing to do.
    """

    topic: str
    state: State
    value: str
    advice: str = ""


def examine(folder: Path) -> list[Check]:
    """Look at this installation and machine; takes a second, more where the parser is compiled.

    Args:
        folder: where stores will be written.
    """
    return [
        Check("skeldata", "ok", f"{skeldata.__version__} in {Path(skeldata.__file__).parent}"),
        Check("python", "ok", f"{platform.python_version()}, {platform.platform()}"),
        Check("needed", "ok", ", ".join(f"{name} {version(name)}" for name in _NEEDED)),
        *extras("skeldata", EXTRAS),
        _inflater(),
        *_parser(),
        cores(),
        _memory(),
        *_disk(folder),
    ]


def extras(package: str, known: dict[str, tuple[tuple[str, ...], str]]) -> Iterator[Check]:
    """Which optional dependencies are there, and what those that are not would bring."""
    for extra, (names, brings) in known.items():
        found = {name: _version(name) for name in names}
        if lacking := [name for name, there in found.items() if there is None]:
            advice = f'for {brings}: pip install "{package}[{extra}]"'
            yield Check(f"[{extra}]", "missing", f"no {' and no '.join(lacking)}", advice)
        else:
            there = ", ".join(f"{name} {number}" for name, number in found.items())
            yield Check(f"[{extra}]", "ok", f"{there}: {brings}")


def lines(checks: Iterable[Check]) -> Iterator[str]:
    """Findings for people, aligned; advice on a line of its own."""
    checks = list(checks)
    width = max((len(check.topic) for check in checks), default=0)
    for check in checks:
        yield f"{check.state:<7}  {check.topic:<{width}}  {check.value}"
        if check.advice:
            yield f"{'':<7}  {'':<{width}}  -> {check.advice}"


def summary(checks: Sequence[Check]) -> str:
    """How many findings want attention.

    >>> summary([Check("disk", "ok", "9 GiB"), Check("inflater", "slow", "zlib", "install isal")])
    '1 slow, 0 missing'
    """
    return ", ".join(
        f"{sum(check.state == state for check in checks)} {state}" for state in ("slow", "missing")
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _inflater() -> Check:
    from skeldata.inflate import inflater_in_use

    engine = inflater_in_use()
    if engine == "isal":
        return Check("inflater", "ok", "isal")
    return Check(
        "inflater",
        "slow",
        "zlib: zips are read at under half the speed of isal",
        'pip install "skeldata[fast]"',
    )


def _parser() -> Iterator[Check]:
    """The parser in use, timed on synthetic recordings; and whether its code is kept."""
    from skeldata.parse import choice
    from skeldata.synth import ntu_bytes

    began, start = time.time(), time.perf_counter()
    parser = choice.load_parser("ntu")
    loading = time.perf_counter() - start
    data = ntu_bytes("S001C001P001R001A001", seed=0)
    parser.read(data)
    times = []
    for _ in range(_TIMED_FILES):
        start = time.perf_counter()
        parser.read(data)
        times.append(time.perf_counter() - start)
    each = min(times)
    speed = (
        f"{parser.engine}, {1e3 * each:.2f} ms a file of {len(data) // 1000} kB "
        f"(all of NTU-60: {each * _NTU60_FILES:,.0f} s of parsing on one core)"
    )
    if parser.engine == "python":
        reason = "numba is installed but broken" if _version("numba") else "numba is not installed"
        yield Check("parser", "slow", f"{speed}, because {reason}", 'pip install "skeldata[fast]"')
        return
    yield Check("parser", "ok", speed)
    kept = compiled_at()
    if kept is None:
        yield Check(
            "compiled",
            "slow",
            f"anew by every process ({loading:.1f} s): there is no place to keep it",
            "set NUMBA_CACHE_DIR to a folder that you can write",
        )
    elif kept >= began:
        yield Check("compiled", "note", f"just now ({loading:.1f} s), from now on kept on disk")
    else:
        yield Check("compiled", "ok", f"kept on disk, loaded in {loading:.1f} s")


def compiled_at() -> float | None:
    """When the compiled parser was last kept on disk; None if nowhere."""
    from skeldata.parse.machine_code import kept_at

    return kept_at("ntu_kernel")


def cores() -> Check:
    """Cores this process may use, and what limits them."""
    there, usable = os.cpu_count() or 1, usable_cores()
    share = cpu_quota()
    value = f"{usable} of {there} usable" if usable != there else f"{there}"
    if share is not None and share < usable:
        value += f", but processor time for {share:g}"
        advice = f"the container allows {share:g} cores: give --workers {max(int(share), 1)}"
        return Check("cores", "slow", value, advice)
    load = os.getloadavg()[0]
    if load > usable:
        busy = f"{value}, load {load:.1f}: others are using them"
        return Check("cores", "slow", busy, "times will be longer than on an idle machine")
    return Check("cores", "ok", value)


def cpu_quota(file: Path = Path("/sys/fs/cgroup/cpu.max")) -> float | None:
    """Cores' worth of time that the container allows; None without a limit."""
    try:
        quota, period = file.read_text("ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError):
        return None


def memory_bytes() -> tuple[int, int] | None:
    """Memory that is free and that there is, the container's limit considered; None if unknown."""
    try:
        pairs = (line.split(":") for line in Path("/proc/meminfo").read_text("ascii").splitlines())
        kilobytes = {key: int(value.split()[0]) for key, value in pairs}
        free, total = 1024 * kilobytes["MemAvailable"], 1024 * kilobytes["MemTotal"]
    except (OSError, ValueError, KeyError, IndexError):
        return None
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text("ascii"))
        used = int(Path("/sys/fs/cgroup/memory.current").read_text("ascii"))
        return min(free, max(limit - used, 0)), min(total, limit)
    except (OSError, ValueError):  # no limit
        return free, total


def _memory() -> Check:
    found = memory_bytes()
    if found is None:
        return Check("memory", "note", "unknown on this system")
    free, total = found
    value = f"{free / _GIB:.1f} of {total / _GIB:.1f} GiB free"
    if free < _MEMORY:
        advice = "preparation takes some 300 MB and 100 MB for each further worker: close something"
        return Check("memory", "slow", value, advice)
    return Check("memory", "ok", value)


def _disk(folder: Path) -> Iterator[Check]:
    free = shutil.disk_usage(folder).free
    value = f"{free / _GIB:.1f} GiB free in {folder}"
    if free < _STORE_BYTES:
        advice = "an NTU-60 store takes up to 3.4 GB, NTU-120 6.8 GB; NW-UCLA 20 MB: give --out"
        yield Check("disk", "note", value, advice)
    else:
        yield Check("disk", "ok", value)
    kind = filesystem(folder)
    if kind in _REMOTE:
        advice = "prepare into a local folder and copy the finished store"
        yield Check("disk kind", "slow", f"{kind}, a network file system", advice)


def filesystem(folder: Path, mounts: Path = Path("/proc/mounts")) -> str | None:
    """Kind of the file system that holds a folder; None where the system does not say."""
    try:
        rows = [line.split() for line in mounts.read_text("utf-8").splitlines()]
    except OSError:
        return None
    place = folder.resolve()
    holding = [row for row in rows if len(row) > 2 and place.is_relative_to(row[1])]
    return max(holding, key=lambda row: len(row[1]))[2] if holding else None
