"""``pspmodel doctor``."""

from __future__ import annotations

import click

from skeldata.commandline import Command, note


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Say what PyTorch can do here: threads, bf16 and how quick it is, devices, extras.

    The exit code is 0 whatever is found; `skeldata doctor` looks at preparation.

    \b
    Examples:
      pspmodel doctor
      pspmodel doctor --json | jq '.checks[] | select(.state == "slow")'
    """
    import json
    from dataclasses import asdict

    from pspmodel.doctor import examine
    from skeldata.doctor import lines, summary

    checks = examine()
    if as_json:
        click.echo(json.dumps({"checks": [asdict(check) for check in checks]}, indent=2))
        return
    click.echo("\n".join(lines(checks)))
    note(summary(checks))
