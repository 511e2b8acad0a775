"""What the command lines of both packages share: known errors are one line and an exit code.

Exit codes: 0 done; 2 wrong use; 3 done, but files were rejected (``--strict``: nothing written);
4 a source, store, manifest or run is unreadable, damaged or does not match; 130 interrupted.

Colours appear on terminals only, and not where ``NO_COLOR`` is set (https://no-color.org). rich looks
at it by itself, click does not.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

PATH = click.Path(path_type=Path)

_debug = False


def _switch_debug(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    global _debug
    _debug = _debug or value


class Command(click.Command):
    """A command with ``--debug``, and with its example kept as written in ``--help``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("no_args_is_help", False)
        super().__init__(*args, **kwargs)
        self.params.append(
            click.Option(
                ["--debug"],
                is_flag=True,
                expose_value=False,
                callback=_switch_debug,
                help="Show the traceback of an error.",
            )
        )


class CommandGroup(click.Group):
    """A group whose commands report known errors in one line.

    An error is known when it carries an integer ``exit_code``, as every error of both packages.
    """

    command_class = Command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; Ctrl-C where nothing has to be kept ends it with exit code 130."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(130)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the command line; see `click.Group.main`."""
        global _debug
        _debug = False
        try:
            return super().main(args, prog_name, complete_var, standalone_mode, **extra)
        except Exception as error:
            code = getattr(error, "exit_code", None)
            if not standalone_mode or not isinstance(code, int):
                raise
            if _debug:
                traceback.print_exc()
            plain = False if os.environ.get("NO_COLOR") else None  # None: as the terminal is
            click.secho("error: ", fg="red", bold=True, nl=False, err=True, color=plain)
            click.echo(" ".join(str(error).split()), err=True)
            sys.exit(code)


CommandGroup.group_class = CommandGroup


def note(text: str) -> None:
    """Print a remark for people on standard error, so that scripts can read standard output."""
    click.echo(text, err=True)


def counted(count: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "file"), counted(1484, "row")
    ('1 file', '1,484 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def shortened(lines: Sequence[str], limit: int) -> list[str]:
    """The first ``limit`` lines and how many more there are."""
    rest = len(lines) - limit
    return [*lines[:limit], *([f"... and {rest:,} more"] if rest > 0 else [])]
