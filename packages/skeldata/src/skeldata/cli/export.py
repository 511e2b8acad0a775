"""``skeldata export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from skeldata.commandline import PATH, Command, note

_FORMATS = ("h5", "npz", "pyskl", "ctrgcn")  # skeldata.export.FORMATS, without importing it


@click.command(cls=Command)
@click.argument("store", type=PATH)
@click.option("--to", required=True, type=click.Choice(_FORMATS), help="The format, see above.")
@click.option("-o", "--out", required=True, type=PATH, help="The file to write.")
@click.option(
    "--protocol", help="For ctrgcn: xsub, xview or xset; may be left out where there is one."
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def export(store: Path, to: Any, out: Path, protocol: str | None, overwrite: bool) -> None:
    """Write a store to one file of another format.

    \b
    Formats:
      h5      HDF5: all arrays, splits and attributes (needs skeldata[h5])
      npz     numpy: the same, without pickled objects
      pyskl   PYSKL's and MMAction2's annotation pickle: joints in float16, all protocols
      ctrgcn  CTR-GCN's npz: x_train, y_train, x_test, y_test of one protocol

    Every format holds the store's own clips: selected, normalised and resampled to its T frames.
    So ctrgcn gives the layout of CTR-GCN's files, not their unresampled, padded frames; prepare
    with "--recipe ctrgcn" for their selection and normalisation.

    \b
    Examples:
      skeldata export ntu.zarr --to h5 -o ntu.h5
      skeldata export ntu.zarr --to ctrgcn --protocol xsub -o NTU60_CS.npz
    """
    from skeldata.export import export_store
    from skeldata.progress import Progress

    with Progress(None, "exporting", "rows") as progress:

        def advanced(done: int, total: int) -> None:
            if progress.total is None:
                progress.begin(total)
            progress.update(done)

        path = export_store(
            store, to, out, protocol=protocol, overwrite=overwrite, advanced=advanced
        )
    note(f"{path.stat().st_size / 1e6:,.1f} MB")
    click.echo(str(path))
