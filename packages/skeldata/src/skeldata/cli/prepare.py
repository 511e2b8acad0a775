"""``skeldata prepare ntu|ucla``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skeldata.commandline import PATH, CommandGroup, counted, note, shortened

if TYPE_CHECKING:
    from skeldata.preparation import PrepareReport

_REJECTIONS_SHOWN = 20


@click.group(cls=CommandGroup)
def prepare() -> None:
    """Turn raw recordings into one store."""


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed((
        click.option("--raw", type=PATH, required=True, multiple=True,
                     help="Folder (any nesting) or zip as downloaded; repeat for several."),
        click.option("-o", "--out", type=PATH,
                     help="The store to write; default: ntu.zarr or ucla.zarr, here."),
        click.option("--workers", type=click.IntRange(min=1), help="Processes; default: one a core."),
        click.option("--dask", metavar="ADDRESS",
                     help="Prepare on a dask cluster that sees the same files, e.g. tcp://host:8786."),
        click.option("--recipe", default="psp", show_default=True, help="Recipe name or .toml file."),
        click.option("--frames", type=click.IntRange(2, 1000), help="Frames a clip; default: the recipe's."),
        click.option("--streams", default="joint,motion", show_default=True,
                     help="Add bone or bone-motion; joint and motion are always there."),
        click.option("--strict", is_flag=True,
                     help="Write nothing if any file is rejected, and drop what is finished (exit 3)."),
        click.option("--resume", is_flag=True, help="Continue an interrupted run."),
        click.option("--overwrite", is_flag=True,
                     help="Replace an existing store, or start an interrupted run over."),
    )):  # fmt: skip
        command = option(command)
    return command


@prepare.command()
@_options
def ntu(raw: tuple[Path, ...], **options: Any) -> None:
    """NTU RGB+D 60 or 120 (.skeleton files; which of the two is found out).

    \b
    Examples:
      skeldata prepare ntu --raw ./nturgbd
      skeldata prepare ntu --raw s001_to_s017.zip --raw s018_to_s032.zip --out ntu120.zarr
    """
    _prepare("ntu", raw, options)


@prepare.command()
@_options
def ucla(raw: tuple[Path, ...], **options: Any) -> None:
    """Northwestern-UCLA (.json files).

    \b
    Examples:
      skeldata prepare ucla --raw all_sqe.zip --out ucla.zarr
      skeldata prepare ucla --raw all_sqe.zip --streams joint,motion,bone,bone-motion
    """
    _prepare("ucla", raw, options)


def _prepare(family: Any, raw: tuple[Path, ...], options: dict[str, Any]) -> None:
    from skeldata.memory import collection_paused, leave_memory_to_the_system

    with collection_paused():
        from skeldata.preparation import already_complete, prepare
        from skeldata.progress import Progress

    options["streams"] = options["streams"].split(",")
    out = options["out"] or Path(f"{family}.zarr")
    wanted = {key: options[key] for key in ("recipe", "frames", "streams")}
    if options["resume"] and not options["overwrite"] and already_complete(out, family, **wanted):
        note(f"{out} is already complete; nothing to do")
        return
    progress = Progress(None, "preparing", "files")

    def started(total: int, done: int) -> None:
        progress.begin(total, done)

    def advanced(done: int, rejected: int) -> None:
        progress.update(done, f"{rejected} rejected" if rejected else "")

    with progress:
        report = prepare(family, raw, started=started, advanced=advanced, **options)
    for line in _summary(report):
        note(line)
    click.echo(f"{report.path}")
    leave_memory_to_the_system()
    if report.rejected:
        raise SystemExit(3)


def _summary(report: PrepareReport) -> list[str]:
    lines = [str(rejection) for rejection in report.rejected]
    lines = [f"rejected: {line}" for line in shortened(lines, _REJECTIONS_SHOWN)]
    if report.discarded:
        lines.append(
            f"started over; an unfinished run of {counted(report.discarded, 'row')} was dropped"
        )
    if report.resumed:
        lines.append(f"resumed behind {counted(report.resumed, 'row')} of an earlier run")
    lines += [f"note: {note}" for note in report.notes]
    kinds = (
        (len(report.rejected), "rejected"),
        (len(report.missing), "left out as officially missing"),
        (len(report.ignored), "ignored"),
    )
    apart = [f"{count:,} {what}" for count, what in kinds if count]
    lines.append(
        f"{report.dataset.title}: {counted(report.rows, 'row')} in {report.seconds:.1f} s"
        + (f" ({', '.join(apart)})" if apart else "")
    )
    for protocol, train in report.train.items():
        lines.append(f"  {protocol}: {train:,} train, {report.rows - train:,} test")
    lines.append(f"  content {report.content_digest}")
    return lines
