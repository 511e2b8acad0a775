"""Measure preparation on synthetic recordings: reading styles, floors, and the whole path.

    python tools/bench_prepare.py [--files 400] [--ucla all_sqe.zip]

Everything is measured in one run on the same files, because machines differ and drift; the ratio to
the field's reading style is what travels. Times are per file; the best of three for single steps.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import zarr

from skeldata.inflate import engine, inflater_in_use
from skeldata.parse.choice import load_parser
from skeldata.parse.ntu import read_ntu
from skeldata.progress import track
from skeldata.synth import write_ntu

_ROUNDS = 3
_WATCH = (
    "import resource, subprocess, sys; "
    "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)
_ROW_SHAPE = (2, 50, 25, 3)


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


def milliseconds(action: Callable[[bytes], object], files: Iterable[bytes]) -> float:
    """Best of three rounds, milliseconds a file."""
    contents = list(files)
    best = float("inf")
    for _ in range(_ROUNDS):
        begun = time.perf_counter()
        for data in contents:
            action(data)
        best = min(best, time.perf_counter() - begun)
    return 1e3 * best / len(contents)


def prepared(raw: Path, family: str, workers: int) -> tuple[float, int]:
    """Best seconds of a whole `prepare` in a process of its own; peak MB of its largest process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "skeldata", "prepare", family, "--raw", str(raw.absolute()),
            "--out", f"{folder}/out.zarr", "--workers", str(workers),
        ]  # fmt: skip
        best, peak = float("inf"), 0
        for _ in range(_ROUNDS):
            begun = time.perf_counter()
            # A small process in between: a child's peak begins at that of what has started it.
            watched = [sys.executable, "-S", "-c", _WATCH, *command, "--overwrite"]
            result = subprocess.run(watched, capture_output=True, text=True, check=False)
            best = min(best, time.perf_counter() - begun)
            if result.returncode:
                raise SystemExit(f"prepare failed: {result.stderr}")
            peak = int(result.stdout)
        return best, peak // 1024


def written(rows: int) -> float:
    """Milliseconds a row to write joints and motion of random poses as zarr chunks."""
    block = np.random.default_rng(0).normal(size=(256, *_ROW_SHAPE)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        array = zarr.create_array(
            Path(folder, "x"), shape=(rows * 2, *_ROW_SHAPE), chunks=block.shape, dtype="f4"
        )
        begun = time.perf_counter()
        for start in range(0, rows * 2 - 255, 256):
            array[start : start + 256] = block
        return 1e3 * (time.perf_counter() - begun) / ((rows * 2 // 256) * 128)


def main() -> None:
    """Measure and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--files", type=int, default=400, help="synthetic NTU recordings")
    arguments.add_argument("--ucla", type=Path, help="the real all_sqe.zip, if at hand")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder, "ntu.zip")
        write_ntu(
            raw,
            options.files,
            progress=lambda names: track(
                names, total=options.files, description="writing recordings", unit="files"
            ),
        )
        report(raw, options)


def report(raw: Path, options: argparse.Namespace) -> None:
    """Measure on an archive and print."""
    with zipfile.ZipFile(raw) as archive:
        infos = archive.infolist()
        some = [archive.read(info) for info in infos[:: max(1, len(infos) // 24)]]
        mean = sum(info.file_size for info in infos) / len(infos)
    packed = [_deflated(data) for data in some]
    fast = load_parser("ntu")
    field = milliseconds(read_as_the_field_does, some)
    rows = [
        ("the field's style: every field a float, in dictionaries", field),
        ("our plain parser", milliseconds(read_ntu, some)),
        (f"our parser in use ({fast.engine})", milliseconds(fast.read, some)),
        ("floor: inflate with zlib", milliseconds(lambda d: zlib.decompress(d, -15), packed)),
        (
            f"floor: inflate in use ({inflater_in_use()})",
            milliseconds(lambda d: engine.decompress(d, -15), packed),
        ),
        ("floor: zarr write of joint and motion", written(512)),
    ]
    print(f"\n{len(infos)} synthetic recordings, {mean / 1e3:.0f} KB each on average", flush=True)
    print(f"{'':58}{'ms a file':>10}{'x the field':>12}{'peak MB':>9}")
    for what, ms in rows:
        print(f"{what:58}{ms:10.3f}{field / ms:12.1f}{'':>9}", flush=True)
    for workers in (1, 2):
        seconds, peak = prepared(raw, "ntu", workers)
        ms = 1e3 * seconds / len(infos)
        what = f"zip to finished store, {workers} process{'es' if workers > 1 else ''}, start-up included"
        print(f"{what:58}{ms:10.3f}{field / ms:12.1f}{peak:9d}", flush=True)
    if options.ucla:
        seconds, peak = prepared(options.ucla, "ucla", 1)
        print(f"NW-UCLA, 1,484 recordings, whole command: {seconds:.2f} s, {peak} MB")
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"(this measuring process: {own} MB)")


def _deflated(data: bytes) -> bytes:
    state = zlib.compressobj(6, zlib.DEFLATED, -15)
    return state.compress(data) + state.flush()


if __name__ == "__main__":
    main()
