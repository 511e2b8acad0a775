"""``skeldata verify``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from skeldata.commandline import PATH, Command, counted, note

EXIT_FINDINGS = 4


@click.command(cls=Command)
@click.argument("store", type=PATH)
@click.option(
    "--manifest",
    "manifests",
    type=PATH,
    multiple=True,
    help="A split manifest that must belong to the store; repeat for several.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def verify(store: Path, manifests: tuple[Path, ...], as_json: bool) -> None:
    """Verify a store: bytes, counts, names, labels, streams, splits and digests.

    Whatever can be computed again is, block by block. Prints one line a finding, with array, block,
    row and sample where they can be named; exit code 0 if the store is sound, 4 with findings.

    \b
    Examples:
      skeldata verify ntu.zarr
      skeldata verify ntu.zarr --manifest splits/ntu60-xsub-assl-ratio0.05-seed0.json
    """
    from dataclasses import asdict

    from skeldata.progress import Progress
    from skeldata.store.verify import verify_store

    rows = 0
    with Progress(None, "verifying", "rows") as progress:

        def advanced(done: int, total: int) -> None:
            nonlocal rows
            if progress.total is None:
                progress.begin(total)
            progress.update(done)
            rows = done

        findings = verify_store(store, manifests=manifests, advanced=advanced)
    if as_json:
        content = {"store": str(store), "rows": rows, "findings": [asdict(f) for f in findings]}
        click.echo(json.dumps(content, indent=2))
    else:
        for finding in findings:
            click.echo(str(finding))
    verdict = f"{counted(len(findings), 'finding')}" if findings else "sound"
    note(f"{store}: {counted(rows, 'row')} verified, {verdict}")
    if findings:
        raise SystemExit(EXIT_FINDINGS)
