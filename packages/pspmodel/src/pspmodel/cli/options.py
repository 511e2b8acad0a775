"""Options that several commands have, said once."""

from __future__ import annotations

import click

checkpoint_option = click.option(
    "--checkpoint",
    type=click.Choice(["last", "held_out_best"]),
    default="last",
    show_default=True,
    help="Which weights.",
)
device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where to compute; auto takes a GPU if there is one.",
)
batch_option = click.option(
    "--batch",
    type=click.IntRange(min=1),
    help="Clips at a time; changes memory and time, not results.  [default: 16, on a GPU 256]",
)
precision_option = click.option(
    "--precision", type=click.Choice(["fp32", "bf16"]), default="fp32", show_default=True,
    help="Of the computation.",
)  # fmt: skip
