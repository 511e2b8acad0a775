"""What runs say of themselves, alone and beside each other and the published numbers."""

from pspmodel.report.comparison import write_comparison
from pspmodel.report.curves import write_curves
from pspmodel.report.run import render_run, summary, write_report

__all__ = ["render_run", "summary", "write_comparison", "write_curves", "write_report"]
