"""``skeldata doctor``."""

from __future__ import annotations

from pathlib import Path

import click

from skeldata.commandline import Command, note


@click.command(cls=Command)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=".",
    show_default=True,
    help="Where stores will be written.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(folder: Path, as_json: bool) -> None:
    """Say what is installed, what is missing, and what is slow here and why.

    It only looks, save that the compiled parser is made where it is not there yet (seconds). The
    exit code is 0 whatever is found.

    \b
    Examples:
      skeldata doctor
      skeldata doctor --json | jq '.checks[] | select(.state == "slow")'
    """
    import json
    from dataclasses import asdict

    from skeldata.doctor import examine, lines, summary

    checks = examine(folder)
    if as_json:
        click.echo(json.dumps({"checks": [asdict(check) for check in checks]}, indent=2))
        return
    click.echo("\n".join(lines(checks)))
    note(summary(checks))
