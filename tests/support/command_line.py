"""Run one command of a command line that is made for the test."""

import click
from click.testing import CliRunner, Result

from skeldata.commandline import CommandGroup


def run(command: click.Command, *arguments: object) -> Result:
    """As ``NAME ARGUMENTS`` on a command line; known errors are one line."""
    group = CommandGroup(name="x", commands={command.name or "": command})
    return CliRunner().invoke(group, [command.name or "", *map(str, arguments)])


def assert_one_error(result: Result, code: int, text: str) -> None:
    """Check that a command ended with one line that holds ``text``."""
    assert result.exit_code == code, result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, result.output
    assert text in errors[0]
    assert "Traceback" not in result.output
