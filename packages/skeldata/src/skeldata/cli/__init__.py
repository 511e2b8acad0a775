"""The ``skeldata`` command line: parse, call the library, print, exit code."""

from __future__ import annotations

import click

import skeldata
from skeldata.cli.copies import copies
from skeldata.cli.diff import diff
from skeldata.cli.doctor import doctor
from skeldata.cli.export import export
from skeldata.cli.info import info
from skeldata.cli.prepare import prepare
from skeldata.cli.recipes import recipes
from skeldata.cli.report import report
from skeldata.cli.splits import splits
from skeldata.cli.synth import synth
from skeldata.cli.verify import verify
from skeldata.cli.view import view
from skeldata.commandline import CommandGroup


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(skeldata.__version__, prog_name="skeldata")
def main() -> None:
    """Raw NTU RGB+D and NW-UCLA skeletons to one zarr store, with reproducible label splits.

    \b
    Start here:
      skeldata prepare ntu --raw ./nturgbd            a store from folders or the official zips
      skeldata info ntu.zarr                          what is in it
      skeldata splits show --dataset ntu60 --protocol xsub --ratio 0.05

    \b
    Exit codes: 0 done; 2 wrong use; 3 done, but files were rejected;
    4 unreadable, damaged or mismatched input; 130 interrupted.
    """


for command in (
    prepare, info, view, report, verify, copies, diff, export, recipes, splits, synth, doctor,
):  # fmt: skip
    main.add_command(command)
