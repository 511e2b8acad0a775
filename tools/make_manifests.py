"""Regenerate ``data_manifests/`` from the package, or say with ``--check`` what differs.

    python tools/make_manifests.py            write what is missing or different, drop the rest
    python tools/make_manifests.py --check    write nothing; one line a difference, exit code 1

Everything but ``SCHEMA.md`` is generated: the official name lists, the labelled lists, the lists
that others have published with their manifests, an index and ``SHA256SUMS``.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from collections.abc import Collection, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Literal

from skeldata.datasets import Dataset, datasets
from skeldata.splits.arguments import format_ratio, parse_ratio
from skeldata.splits.draw import draw
from skeldata.splits.index import INDEX_FORMAT, INDEX_NAME, NamesEntry, ProtocolEntry, SplitEntry
from skeldata.splits.jsonfile import json_lines
from skeldata.splits.listing import list_bytes, names_digest, write_atomically
from skeldata.splits.manifest import manifest_bytes
from skeldata.splits.pool import training_names
from skeldata.splits.published import PUBLISHED, PublishedList, published
from skeldata.splits.split import Split

FOLDER = Path(__file__).resolve().parent.parent / "data_manifests"
SUMS_NAME = "SHA256SUMS"
WRITTEN_BY_HAND = frozenset(("SCHEMA.md", ".gitattributes"))

ABOUT = (
    "Label splits drawn by the rule skeldata-split/1 of SCHEMA.md. They are skeldata's own draw, "
    "not the lists that any paper used. An entry of rule list is others' work, with its credit."
)
RATIOS = {"ntu": ("0.05", "0.1", "0.2", "0.4"), "ucla": ("0.05", "0.15", "0.3", "0.4")}
SEEDS = range(5)


def split_entries(dataset: Dataset) -> Iterator[tuple[SplitEntry, bytes]]:
    """The labelled lists of a dataset and their bytes."""
    for protocol in dataset.protocols:
        for ratio in RATIOS[dataset.family]:
            for seed in SEEDS:
                split = draw(dataset.id, protocol, ratio, seed, "assl")
                text = format_ratio(parse_ratio(ratio))
                file = f"{dataset.id}/{protocol}/assl/ratio{text}-seed{seed}.txt"
                yield split_entry(split, file), list_bytes(split.names)


def split_entry(split: Split, file: str) -> SplitEntry:
    """What the index says of a labelled list."""
    return SplitEntry(
        dataset=split.dataset,
        protocol=split.protocol,
        rule=split.rule,
        ratio=None if split.ratio is None else format_ratio(split.ratio),
        seed=split.seed,
        count=split.count,
        digest=split.digest,
        file=file,
        warnings=list(split.warnings),
        source=split.source,
        credit=split.credit,
    )


def published_path(listed: PublishedList) -> str:
    """Where a published list lies below the folder, without suffix."""
    return f"{listed.dataset}/{listed.protocol}/published/{listed.stem}"


def names_entries(dataset: Dataset) -> Iterator[tuple[NamesEntry, bytes]]:
    """The official lists of a dataset and their bytes, unpacked."""
    packed = ".gz" if dataset.family == "ntu" else ""
    kinds: tuple[tuple[Literal["names", "missing"], str, Collection[str]], ...] = (
        ("names", f"names.txt{packed}", dataset.official_names()),
        ("missing", "missing.txt", dataset.missing_names()),
    )
    for kind, file, names in kinds:
        entry = NamesEntry(
            dataset=dataset.id,
            kind=kind,
            count=len(names),
            digest=names_digest(names),
            file=f"{dataset.id}/{file}",
        )
        yield entry, list_bytes(names)


def protocol_entry(dataset: Dataset, name: str) -> ProtocolEntry:
    """Sizes and digests of the two parts of a protocol."""
    train = training_names(dataset.id, name)
    test = frozenset(dataset.official_names()).difference(train)
    return ProtocolEntry(
        dataset=dataset.id,
        protocol=name,
        rule=dataset.protocol(name).rule,
        train=len(train),
        test=len(test),
        train_digest=names_digest(train),
        test_digest=names_digest(test),
    )


def contents() -> dict[str, bytes]:
    """Every generated file but the sums: path below the folder -> bytes (unpacked, for ``.gz``)."""
    every = list(datasets().values())
    names = [pair for dataset in every for pair in names_entries(dataset)]
    splits = [pair for dataset in every for pair in split_entries(dataset)]
    others = {published_path(listed): published(listed.id) for listed in PUBLISHED.values()}
    splits += [
        (split_entry(split, f"{path}.txt"), list_bytes(split.names))
        for path, split in others.items()
    ]
    index = {
        "format": INDEX_FORMAT,
        "version": 1,
        "about": ABOUT,
        "names": [entry.model_dump() for entry, _ in names],
        "protocols": [
            protocol_entry(dataset, protocol).model_dump()
            for dataset in every
            for protocol in dataset.protocols
        ],
        "splits": [entry.model_dump(exclude_defaults=True) for entry, _ in splits],
    }
    files = {entry.file: data for entry, data in names}
    files |= {entry.file: data for entry, data in splits}
    for path, split in others.items():
        files[f"{path}.json"] = manifest_bytes(split, f"{Path(path).name}.txt")
    return {**files, INDEX_NAME: json_lines(index)}


def stored_bytes(path: Path, data: bytes) -> bytes:
    """What a file must hold; a packed one keeps any packing of the same content.

    Compressed bytes depend on the zlib at hand, the names in them do not.
    """
    if path.suffix != ".gz":
        return data
    try:
        present = path.read_bytes()
        if gzip.decompress(present) == data:
            return present
    except (OSError, EOFError):
        pass
    return gzip.compress(data, compresslevel=9, mtime=0)


def wanted_files(folder: Path) -> dict[str, bytes]:
    """Every generated file: path below the folder -> bytes on disk."""
    files = {file: stored_bytes(folder / file, data) for file, data in contents().items()}
    sums = "".join(f"{sha256(files[file]).hexdigest()}  {file}\n" for file in sorted(files))
    return {**files, SUMS_NAME: sums.encode("ascii")}


def differences(folder: Path, wanted: Mapping[str, bytes]) -> dict[str, str]:
    """Path below the folder -> ``missing``, ``different`` or ``not generated``."""
    found = {}
    for file, data in wanted.items():
        path = folder / file
        if not path.is_file():
            found[file] = "missing"
        elif path.read_bytes() != data:
            found[file] = "different"
    for path in sorted(folder.rglob("*")):
        file = path.relative_to(folder).as_posix()
        if path.is_file() and file not in wanted and file not in WRITTEN_BY_HAND:
            found[file] = "not generated"
    return found


def main(arguments: list[str] | None = None) -> int:
    """Write or check; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, say what differs")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: data_manifests/")
    options = parser.parse_args(arguments)
    wanted = wanted_files(options.folder)
    found = differences(options.folder, wanted)
    for file, problem in sorted(found.items()):
        print(f"{options.folder.name}/{file}: {problem}")
    if options.check:
        return 1 if found else 0
    for file, problem in found.items():
        if problem == "not generated":
            (options.folder / file).unlink()
        else:
            write_atomically(options.folder / file, wanted[file])
    print(f"{len(wanted)} files, {len(found)} of them written or dropped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
