"""The ``pspmodel`` command line: parse, call the library, print, exit code."""

from __future__ import annotations

import click

import pspmodel
from pspmodel.cli.attention import attention
from pspmodel.cli.bench import bench
from pspmodel.cli.doctor import doctor
from pspmodel.cli.evaluate import evaluate
from pspmodel.cli.fuse import fuse
from pspmodel.cli.recipes import recipes
from pspmodel.cli.report import report
from pspmodel.cli.robustness import robustness
from pspmodel.cli.sweep import sweep
from pspmodel.cli.train import train
from pspmodel.cli.tsne import tsne
from pspmodel.heap import keep_freed_memory
from skeldata.commandline import CommandGroup


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(pspmodel.__version__, prog_name="pspmodel")
def main() -> None:
    """Semi-supervised skeleton action recognition on a skeldata store.

    \b
    Start here:
      pspmodel recipes                                the settings there are
      pspmodel train --store ucla.zarr --ratio 0.05 --recipe tiny
      pspmodel evaluate runs/nw-ucla-xview-tiny-0.05-split0-seed0

    \b
    Exit codes: 0 done; 2 wrong use; 3 done in part (sweep, report); 4 unreadable or mismatched
    store, split or checkpoint, or out of memory; 5 a loss was not finite; 130 interrupted.
    """
    keep_freed_memory()


for command in (
    train, evaluate, report, fuse, robustness, sweep, recipes, attention, tsne, bench, doctor,
):  # fmt: skip
    main.add_command(command)
