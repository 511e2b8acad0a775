"""``skeldata splits verify``."""

from __future__ import annotations

import json
from pathlib import Path

import click

from skeldata.cli.splits.common import EXIT_MISMATCH, JSON, LateProgress, stored
from skeldata.commandline import PATH, Command, counted, note


@click.command(cls=Command)
@click.argument("paths", nargs=-1, required=True, type=PATH)
@click.option("--store", type=PATH, help="Also check against this store's names.")
@JSON
def verify(paths: tuple[Path, ...], store: Path | None, as_json: bool) -> None:
    """Verify manifests, indexes, lists they describe, or folders of them.

    Counts, digests, names and protocol are checked, and what was drawn is drawn again. Prints
    one line a finding; exit code 4 if there is any. What was drawn from a store's own names can be
    drawn again only with that --store.

    \b
    Examples:
      skeldata splits verify data_manifests
      skeldata splits verify splits/ntu60-xsub-assl-ratio0.05-seed0.json --store ntu.zarr
    """
    from skeldata.splits import examine

    names = None if store is None else stored(store)[1]
    results = []
    for path in paths:
        with LateProgress("verifying", "lists") as progress:
            results.append(examine(path, names, progress))
    findings = [finding for result in results for finding in result.findings]
    lists, redrawn = sum(r.lists for r in results), sum(r.redrawn for r in results)
    own_draws = sum(r.own_draws for r in results)
    if as_json:
        rows = [{"file": f.file, "line": f.line, "problem": f.problem} for f in findings]
        counts = {"lists": lists, "redrawn": redrawn, "own_draws": own_draws}
        click.echo(json.dumps(counts | {"findings": rows}, indent=2))
    else:
        for finding in findings:
            click.echo(str(finding))
    note(
        f"{counted(lists, 'list')} verified, {redrawn:,} drawn again, "
        f"{counted(len(findings), 'finding')}"
    )
    if own_draws:
        note(
            f"note: {counted(own_draws, 'list')} drawn from a store's own names, not drawn again: "
            "give that store with --store"
        )
    if findings:
        raise SystemExit(EXIT_MISMATCH)
