"""``skeldata splits``: one file a command."""

from __future__ import annotations

import click

from skeldata.cli.splits.balance import balance
from skeldata.cli.splits.compare import compare
from skeldata.cli.splits.draw import make, show
from skeldata.cli.splits.imported import import_
from skeldata.cli.splits.verify import verify
from skeldata.commandline import CommandGroup


@click.group(cls=CommandGroup)
def splits() -> None:
    """Draw, import, verify and compare label splits.

    A split is a list of labelled training names. What is drawn follows from dataset, protocol, rule,
    ratio and seed alone, so those five and the digest are all that a paper has to state.
    """


for command in (show, make, import_, verify, compare, balance):
    splits.add_command(command)
