"""Write whole synthetic datasets, as a folder or as a zip like the official downloads."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from skeldata.datasets import get_dataset
from skeldata.errors import SourceError, UsageError
from skeldata.synth.choose import choose_names
from skeldata.synth.ntu import ntu_bytes
from skeldata.synth.ucla import ucla_bytes

Progress = Callable[[Iterable[str]], Iterable[str]]
"""Wraps the names while they are written, as a progress bar does."""

_NTU_FOLDER = "nturgb+d_skeletons"
_UCLA_FOLDER = "all_sqe"


def write_ntu(
    out: str | Path,
    samples: int,
    *,
    seed: int = 0,
    actions: Iterable[int] | None = None,
    dataset: str = "ntu60",
    quirks: bool | Collection[str] = True,
    progress: Progress | None = None,
) -> list[str]:
    """Write synthetic NTU RGB+D recordings.

    The names are a fixed balanced choice of the official ones (see `choose_names`) and a file
    depends on its name and the seed alone, so fewer samples are a prefix of more.

    Args:
        out: a folder, or a path ending in ``.zip``, where files lie in ``nturgb+d_skeletons/``.
        samples: how many files.
        seed: of the motions and quirks.
        actions: only these action ids.
        dataset: ``ntu60`` or ``ntu120``.
        quirks: as for `ntu_bytes`.
        progress: wraps the names as they are written, e.g. a progress bar.

    Returns:
        The names in the order written.

    Raises:
        UsageError: the output is already there, or another argument cannot be used.
        SourceError: the output cannot be written.
    """
    chosen = get_dataset(dataset)
    if chosen.family != "ntu":
        raise UsageError(f"{dataset!r} is not an NTU dataset; use ntu60 or ntu120")
    names = choose_names(chosen, samples, actions)

    def content(name: str) -> bytes:
        return ntu_bytes(name, seed, quirks=quirks)

    return _write(Path(out), names, _NTU_FOLDER, chosen.suffix, content, progress)


def write_ucla(
    out: str | Path,
    samples: int,
    *,
    seed: int = 0,
    actions: Iterable[int] | None = None,
    progress: Progress | None = None,
) -> list[str]:
    """Write synthetic NW-UCLA recordings; all as for `write_ntu`, the zip's folder is ``all_sqe/``.

    Returns:
        The names in the order written.

    Raises:
        UsageError: the output is already there, or another argument cannot be used.
        SourceError: the output cannot be written.
    """
    chosen = get_dataset("nw-ucla")
    names = choose_names(chosen, samples, actions)

    def content(name: str) -> bytes:
        return ucla_bytes(name, seed)

    return _write(Path(out), names, _UCLA_FOLDER, chosen.suffix, content, progress)


def _write(
    out: Path,
    names: Iterable[str],
    folder: str,
    suffix: str,
    content: Callable[[str], bytes],
    progress: Progress | None,
) -> list[str]:
    written = []
    with _new(out) as partial:
        if out.suffix.lower() == ".zip":
            with zipfile.ZipFile(partial, "w") as archive:
                for name in progress(names) if progress else names:
                    # A fixed date, so that equal files make equal archives.
                    entry = zipfile.ZipInfo(f"{folder}/{name}{suffix}", (2020, 1, 1, 0, 0, 0))
                    entry.external_attr = 0o644 << 16
                    archive.writestr(entry, content(name), zipfile.ZIP_DEFLATED)
                    written.append(name)
        else:
            partial.mkdir()
            for name in progress(names) if progress else names:
                (partial / f"{name}{suffix}").write_bytes(content(name))
                written.append(name)
    return written


@contextmanager
def _new(out: Path) -> Iterator[Path]:
    """A temporary path beside ``out`` that becomes ``out`` when the block ends well."""
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        if not _is_free(out):
            raise UsageError(f"{out} already exists; remove it or choose another --out")
        out.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.rename(out)
    except OSError as error:
        reason = error.strerror or error
        raise SourceError(f"cannot write {out}: {reason}; choose another --out") from error
    finally:
        with suppress(OSError):  # where the folder is not one, there is nothing to take away
            if partial.is_dir():
                shutil.rmtree(partial)
            else:
                partial.unlink(missing_ok=True)


def _is_free(out: Path) -> bool:
    """Whether there is nothing yet, or an empty folder for files."""
    if not os.path.lexists(out):
        return True
    return out.suffix.lower() != ".zip" and out.is_dir() and not any(out.iterdir())
