"""Many runs of one store: every recipe, ratio, label draw and training seed, resumably.

Each run is an ordinary run in a folder of its own, as `pspmodel train` makes it. A sweep that ended
in any way is continued by the same command: finished runs are skipped, unfinished ones resumed.
"""

from pspmodel.sweep.execute import Failure, run_sweep
from pspmodel.sweep.plan import Planned, Sweep, plan_sweep
from pspmodel.sweep.table import table_text

__all__ = ["Failure", "Planned", "Sweep", "plan_sweep", "run_sweep", "table_text"]
