"""Measure preparation on synthetic recordings: reading styles, floors, and the whole path.

    python tools/bench_prepare.py [--files 1200] [--times 5] [--ucla all_sqe.zip]

Everything is measured in one run on the same files, because machines differ and drift; the ratio to
the field's reading style is what travels. Steps are the best of three rounds over a sample of the
files, read beforehand. Whole runs are commands in processes of their own, the best of three, with
everything counted: the start of Python, loading what is compiled, the split ranks, flushing to disk.
A run over few files and one over many tell apart what a run costs and what a file costs. "Work" is a
run in a process that has loaded everything already.
"""

from __future__ import annotations

import argparse
import os
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import zarr

from skeldata import get_dataset, inflate
from skeldata.parse.choice import load_parser
from skeldata.parse.ntu import read_ntu
from skeldata.progress import track
from skeldata.synth import write_ntu, write_ucla

Item = TypeVar("Item")

_ROUNDS = 3
_SAMPLE = 120
_UCLA_FILES = 1484
_WATCH = (
    "import resource, subprocess, sys; "
    "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
    "print(used.ru_utime + used.ru_stime, used.ru_maxrss)"
)
_WORK = (
    "import sys, time, zarr; from skeldata.preparation import prepare; "
    "from skeldata.parse.choice import load_parser; load_parser(sys.argv[1]); "
    "begun = time.perf_counter(); "
    "prepare(sys.argv[1], [sys.argv[2]], sys.argv[3], workers=1, overwrite=True); "
    "print(time.perf_counter() - begun)"
)
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_ROW_SHAPE = (2, 50, 25, 3)


@dataclass(frozen=True)
class Run:
    """A whole command: wall seconds, CPU seconds of all its processes, MB of its largest one."""

    seconds: float
    cpu: float
    peak: int


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1200, help="synthetic NTU recordings")
    parser.add_argument(
        "--times", type=int, default=5, help="how often each stands in the long run"
    )
    parser.add_argument("--ucla", type=Path, help="the real all_sqe.zip, if at hand")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ntu, long, ucla = (Path(folder, name) for name in ("ntu.zip", "long.zip", "ucla.zip"))
        write_ntu(ntu, options.files, progress=_bar("writing NTU recordings", options.files))
        _repeat_members(ntu, long, options.times)
        report_steps(ntu)
        report_ntu(ntu, long, options.files, options.times)
        write_ucla(ucla, _UCLA_FILES, progress=_bar("writing NW-UCLA recordings", _UCLA_FILES))
        report_ucla("synthetic", ucla)
        if options.ucla:
            report_ucla("real", options.ucla)
    print(f"\nload of the machine at the end: {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores")


def report_steps(archive: Path) -> None:
    """Print what single steps take of one process."""
    with zipfile.ZipFile(archive) as opened:
        infos = opened.infolist()
        sample = [opened.read(info) for info in infos[:: max(1, len(infos) // _SAMPLE)]]
        size = sum(info.file_size for info in infos) / len(infos)
    packed = [(_deflated(data), len(data) + 1) for data in sample]
    quickest = load_parser("ntu")
    field = milliseconds(read_as_the_field_does, sample)
    print(f"\n{len(infos):,} synthetic NTU recordings of {size / 1e3:.0f} KB on average\n")
    print(f"{'steps, one process':<58}{'ms a file':>10}{'x the field':>13}")
    for what, taken in (
        ("the field's style: every field a float, in dictionaries", field),
        ("our plain parser", milliseconds(read_ntu, sample)),
        (f"our parser in use ({quickest.engine})", milliseconds(quickest.read, sample)),
        ("floor: inflate with zlib", milliseconds(_inflate_with(zlib), packed)),
        (
            f"floor: inflate in use ({inflate.inflater_in_use()})",
            milliseconds(_inflate_with(inflate.engine), packed),
        ),
        ("floor: zarr write of joint and motion", written(512)),
    ):
        print(f"{what:<58}{taken:>10.3f}{field / taken:>13.1f}", flush=True)


def report_ntu(archive: Path, long: Path, files: int, times: int) -> None:
    """Print what whole commands take, and how much of that each further file."""
    print(f"\n{'zip to finished store, whole command':<40}", end="")
    print(f"{'seconds':>9}{'ms a file':>11}{'CPU ms':>9}{'peak MB':>9}")
    for workers in (1, 2):
        few, many = prepared(archive, "ntu", workers), prepared(long, "ntu", workers)
        for count, run in ((files, few), (files * times, many)):
            what = f"workers: {workers}, {count:,} files"
            print(f"{what:<40}{run.seconds:>9.2f}{1e3 * run.seconds / count:>11.3f}", end="")
            print(f"{1e3 * run.cpu / count:>9.3f}{run.peak:>9}")
        further = (many.seconds - few.seconds) / (files * (times - 1))
        start = few.seconds - further * files
        print(f"    = {start:.2f} s a run + {1e3 * further:.3f} ms a file", flush=True)
    print(f"work, {files:,} files, 1 process: {1e3 * work(archive, 'ntu') / files:.3f} ms a file")


def report_ucla(what: str, archive: Path) -> None:
    """Print what the whole command takes on an NW-UCLA archive, and what of that is work."""
    run = prepared(archive, "ucla", 1)
    print(
        f"\nNW-UCLA, {what}: {run.seconds:.2f} s, {run.cpu:.2f} s of CPU, {run.peak} MB; ", end=""
    )
    print(f"work {work(archive, 'ucla'):.2f} s", flush=True)


def read_as_the_field_does(data: bytes) -> list[list[dict[str, object]]]:
    """Every line split, every field a float, a dictionary for each body and joint."""
    lines = iter(data.decode().splitlines())
    body_keys = ("bodyID", "clipedEdges", "handLeftConfidence", "handLeftState",
                 "handRightConfidence", "handRightState", "isResticted", "leanX", "leanY",
                 "trackingState")  # fmt: skip
    joint_keys = ("x", "y", "z", "depthX", "depthY", "colorX", "colorY", "orientationW",
                  "orientationX", "orientationY", "orientationZ", "trackingState")  # fmt: skip
    frames = []
    for _ in range(int(next(lines))):
        bodies: list[dict[str, object]] = []
        for _ in range(int(next(lines))):
            body: dict[str, object] = dict(
                zip(body_keys, map(float, next(lines).split()), strict=True)
            )
            body["joints"] = [
                dict(zip(joint_keys, map(float, next(lines).split()), strict=True))
                for _ in range(int(next(lines)))
            ]
            bodies.append(body)
        frames.append(bodies)
    return frames


def milliseconds(step: Callable[[Item], object], items: Sequence[Item]) -> float:
    """Best of the rounds, milliseconds an item."""
    best = float("inf")
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        for item in items:
            step(item)
        best = min(best, time.perf_counter() - begun)
    return 1e3 * best / len(items)


def prepared(raw: Path, family: str, workers: int) -> Run:
    """The best of some runs of ``skeldata prepare``."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "skeldata", "prepare", family, "--raw", str(raw.absolute()),
            "--out", f"{folder}/out.zarr", "--workers", str(workers), "--overwrite",
        ]  # fmt: skip
        return min((_watched(command) for _ in range(_ROUNDS)), key=lambda run: run.seconds)


def _watched(command: list[str]) -> Run:
    begun = time.perf_counter()
    # A small process in between: a child's peak begins at that of what has started it.
    watch = [sys.executable, "-S", "-c", _WATCH, *command]
    result = subprocess.run(watch, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if result.returncode:
        raise SystemExit(f"prepare failed: {result.stderr}")
    cpu, peak = map(float, result.stdout.split())
    return Run(seconds, cpu, int(peak) // 1024)


def work(raw: Path, family: str) -> float:
    """The least seconds that `prepare` takes where everything is loaded already."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", _WORK, family, str(raw.absolute()), f"{folder}/out.zarr"]
        runs = [
            subprocess.run(command, capture_output=True, text=True, check=True)
            for _ in range(_ROUNDS)
        ]
    return min(float(run.stdout) for run in runs)


def written(rows: int) -> float:
    """Milliseconds a row to write joints and motion of random poses as zarr chunks."""
    block = np.random.default_rng(0).normal(size=(256, *_ROW_SHAPE)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        array = zarr.create_array(
            Path(folder, "x"), shape=(rows * 2, *_ROW_SHAPE), chunks=block.shape, dtype="f4"
        )
        begun = time.perf_counter()
        for start in range(0, rows * 2, 256):
            array[start : start + 256] = block
        return 1e3 * (time.perf_counter() - begun) / rows


def _inflate_with(engine: object) -> Callable[[tuple[bytes, int]], object]:
    return lambda item: engine.decompressobj(-15).decompress(*item)  # type: ignore[attr-defined]


def _deflated(data: bytes) -> bytes:
    state = zlib.compressobj(6, zlib.DEFLATED, -15)
    return state.compress(data) + state.flush()


def _repeat_members(source: Path, target: Path, times: int) -> None:
    """A zip with every member several times, each under a name of its own, packed as it was."""
    directory: list[bytes] = []
    with zipfile.ZipFile(source) as old, source.open("rb") as packed, target.open("wb") as new:
        infos = old.infolist() * times
        names = get_dataset("ntu60").official_names()[: len(infos)]
        for info, name in zip(infos, names, strict=True):
            member = f"{name}.skeleton".encode()
            packed.seek(info.header_offset)
            *_, name_bytes, extra_bytes = _LOCAL.unpack(packed.read(_LOCAL.size))
            packed.seek(name_bytes + extra_bytes, os.SEEK_CUR)
            facts = (info.compress_type, 0, 33, info.CRC, info.compress_size, info.file_size)
            directory.append(
                _CENTRAL.pack(b"PK\1\2", 20, 20, 0, *facts, len(member), 0, 0, 0, 0, 0, new.tell())
                + member
            )
            new.write(_LOCAL.pack(b"PK\3\4", 20, 0, *facts, len(member), 0) + member)
            new.write(packed.read(info.compress_size))
        begin, records, count = new.tell(), b"".join(directory), len(directory)
        new.write(records)
        new.write(_END.pack(b"PK\5\6", 0, 0, count, count, len(records), begin, 0))


def _bar(what: str, total: int) -> Callable[[Iterable[str]], Iterable[str]]:
    return lambda names: track(names, total=total, description=what, unit="files")


if __name__ == "__main__":
    main()
