"""``skeldata view``."""

from __future__ import annotations

from pathlib import Path

import click

from skeldata.commandline import PATH, Command


@click.command(cls=Command)
@click.argument("store", type=PATH)
@click.argument("name", required=False)
@click.option(
    "-o", "--out", required=True, type=PATH, help="A .gif, .png or .html; replaced if it exists."
)
@click.option(
    "--raw", type=PATH, help="Folder, zip or file: show the raw recording beside the clip."
)
@click.option("--names", is_flag=True, help="Write joint names beside the body.")
@click.option("--class", "action", metavar="ACTION", help="Instead of NAME: clips of one class.")
@click.option("--classes", is_flag=True, help="Instead of NAME: one clip of each class.")
@click.option(
    "--count",
    type=click.IntRange(1, 60),
    default=12,
    show_default=True,
    help="With --class: how many clips.",
)
@click.option(
    "--frames", type=click.IntRange(1, 30), help="Of each clip in a .png.  [default: 8, sheets 6]"
)
@click.option(
    "--speed",
    type=click.FloatRange(0.05, 20),
    default=1.0,
    show_default=True,
    help="Of moving pictures; 1 is as recorded.",
)
def view(
    store: Path,
    name: str | None,
    out: Path,
    raw: Path | None,
    names: bool,
    action: str | None,
    classes: bool,
    count: int,
    frames: int | None,
    speed: float,
) -> None:
    """Draw a clip: moving (.gif), as a strip of frames (.png) or on a page that plays (.html).

    ACTION is a class by name, or its number in sample names (A023, a08). Left limbs are blue,
    right ones orange. GIF and PNG need matplotlib and pillow: pip install "skeldata[view]".

    \b
    Examples:
      skeldata view ucla.zarr a09_s03_e01_v02 -o clip.gif
      skeldata view ucla.zarr a09_s03_e01_v02 --raw all_sqe.zip --names -o clip.html
      skeldata view ucla.zarr --class "sit down" -o sheet.png
      skeldata view ucla.zarr --classes -o classes.png
    """
    from skeldata.errors import UsageError
    from skeldata.progress import Progress
    from skeldata.store import open_store
    from skeldata.view import draw_clip, draw_sheet

    if (name is not None) + (action is not None) + classes != 1:
        raise UsageError("give one of NAME, --class ACTION and --classes")
    if name is None and (raw is not None or names):
        raise UsageError("--raw and --names are for one clip; give its NAME")
    opened = open_store(store)
    with Progress(None, "drawing", "frames" if name else "clips") as progress:
        if name is not None:
            draw_clip(
                opened,
                name,
                out,
                raw=raw,
                names=names,
                frames=frames or 8,
                speed=speed,
                advanced=progress.advance,
            )
        else:
            draw_sheet(
                opened,
                out,
                action=action,
                count=count,
                frames=frames or 6,
                advanced=progress.advance,
            )
    click.echo(str(out))
