"""``skeldata synth ntu|ucla``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click

from skeldata.commandline import PATH, CommandGroup, counted, note
from skeldata.errors import UsageError

_LARGEST_ID = 999  # three digits in a sample name


@click.group(cls=CommandGroup)
def synth() -> None:
    """Write fake recordings in the real raw formats.

    Every action id has its own movement, so the data can be learned; people, views, lengths and
    the oddities of real files vary. Files depend on their names and the seed only.
    """


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed((
        click.option("-o", "--out", type=PATH, required=True, help="A new folder, or a new .zip."),
        click.option("--samples", type=click.IntRange(min=1), required=True,
                     help="How many files; the names are a balanced choice of the official ones."),
        click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
                     help="Another seed gives other people and movements under the same names."),
        click.option("--actions", help="Only these action ids, e.g. 1,2,5-9; default: all."),
    )):  # fmt: skip
        command = option(command)
    return command


@synth.command()
@_options
@click.option(
    "--dataset",
    type=click.Choice(["ntu60", "ntu120"]),
    default="ntu60",
    show_default=True,
    help="Whose names.",
)
@click.option("--clean", is_flag=True, help="Without the oddities of real files.")
def ntu(out: Path, samples: int, seed: int, actions: str | None, dataset: str, clean: bool) -> None:
    """NTU RGB+D .skeleton files.

    \b
    Examples:
      skeldata synth ntu --out fake.zip --samples 600
      skeldata synth ntu --out fake/ --samples 100 --actions 1,2,5-9 --clean
    """
    from skeldata.synth import write_ntu

    chosen = parse_actions(actions)
    names = write_ntu(
        out,
        samples,
        seed=seed,
        actions=chosen,
        dataset=dataset,
        quirks=not clean,
        progress=_tracked(samples),
    )
    _report(out, names)


@synth.command()
@_options
def ucla(out: Path, samples: int, seed: int, actions: str | None) -> None:
    """Northwestern-UCLA .json files.

    \b
    Example:
      skeldata synth ucla --out fake_ucla.zip --samples 200 --seed 1
    """
    from skeldata.synth import write_ucla

    chosen = parse_actions(actions)
    names = write_ucla(out, samples, seed=seed, actions=chosen, progress=_tracked(samples))
    _report(out, names)


def parse_actions(text: str | None) -> list[int] | None:
    """Read a list of action ids and ranges.

    Raises:
        UsageError: the text is no such list.

    >>> parse_actions("1,2,5-9")
    [1, 2, 5, 6, 7, 8, 9]
    """
    if text is None:
        return None
    ids: set[int] = set()
    for item in text.split(","):
        first, dash, last = (part.strip() for part in item.partition("-"))
        bounds = [first, last] if dash else [first]
        if not all(bound.isascii() and bound.isdecimal() for bound in bounds):
            raise UsageError(f"--actions {text!r}: {item!r} is not an id or a range such as 5-9")
        low, high = int(bounds[0]), int(bounds[-1])
        if not 1 <= low <= high <= _LARGEST_ID:
            raise UsageError(f"--actions {text!r}: {item!r} does not run upwards from 1 or more")
        ids.update(range(low, high + 1))
    return sorted(ids)


def _tracked(samples: int) -> Callable[[Iterable[str]], Iterable[str]]:
    from skeldata.progress import track

    def wrap(names: Iterable[str]) -> Iterable[str]:
        return track(names, total=samples, description="writing", unit="files")

    return wrap


def _report(out: Path, names: list[str]) -> None:
    actions = len({name[-4:] if name.startswith("S") else name[:3] for name in names})
    note(f"{counted(len(names), 'file')} of {counted(actions, 'action')}")
    click.echo(f"{out}")
