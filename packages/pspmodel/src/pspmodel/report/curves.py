"""Learning curves as a picture of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pspmodel import figures
from pspmodel.errors import UsageError
from pspmodel.report.cells import series_labels, share_of
from pspmodel.report.records import RunRecord


def write_curves(records: Sequence[RunRecord], out: Path) -> None:
    """Draw the curves of one run with all its loss terms, or of several beside each other.

    Args:
        records: at least one; those without measurements are left out.
        out: a png, svg or pdf.

    Raises:
        UsageError: none of the runs has measured anything, or the suffix is another.
    """
    measured = [record for record in records if record.metrics()]
    if not measured:
        raise UsageError(f"{records[0].folder} has no measurements yet; train it first")
    if len(measured) == 1:
        figures.save(figures.loss_curve(measured[0].metrics(), spans(measured[0])), out)
        return
    labels = series_labels(measured)
    where = {record.folder: _where(record) for record in measured}
    apart = len(set(where.values())) > 1
    curves = [
        figures.RunCurve(
            f"{where[r.folder]}: {labels[r.folder]}" if apart else labels[r.folder],
            r.metrics(),
            spans(r),
        )
        for r in measured
    ]
    title = "" if apart else where[measured[0].folder]
    figures.save(figures.learning_curves(curves, title), out)


def spans(record: RunRecord) -> tuple[figures.StageSpan, ...]:
    """A run's stages, for a picture."""
    return tuple(figures.StageSpan(*stage) for stage in record.stages)


def _where(record: RunRecord) -> str:
    return f"{record.data['dataset']} {record.data['protocol']}, {share_of(record)}"
