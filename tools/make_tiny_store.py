"""Write the tiny store of format 1 that the tests read on every run.

    python tools/make_tiny_store.py tests/data/format-1.zarr

It is made once for each format version and then kept: a store of a released format is read for
ever, whatever later versions write. The recordings are synthetic; one is broken, one on the
official missing list and one no recording at all, so that every list of the store has an entry.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from pathlib import Path

from skeldata import prepare
from skeldata.synth import ntu_bytes

NAMES = (
    "S001C001P001R001A001",
    "S001C002P003R001A001",
    "S002C001P003R002A050",
    "S003C002P016R002A050",
)
BROKEN = "S001C001P002R001A001"
MISSING = "S001C002P005R002A008"
FRAMES = 3


def make(out: Path) -> None:
    """Write the store to ``out``, which must not exist."""
    target = out.absolute()
    with tempfile.TemporaryDirectory() as folder:
        raw = Path(folder)
        for name in (*NAMES, BROKEN, MISSING):
            data = ntu_bytes(name, frames=12, quirks=())
            (raw / f"{name}.skeleton").write_bytes(data[:-100] if name == BROKEN else data)
        (raw / "notes.txt").write_text("no recording\n")
        # The store names what it ignored: a relative path, so that it says nothing of this machine.
        with contextlib.chdir(raw):
            prepare("ntu", ["."], target, frames=FRAMES, workers=1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path)
    make(parser.parse_args().out)
