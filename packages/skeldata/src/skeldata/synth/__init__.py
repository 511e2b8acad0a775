"""Fake recordings in the real raw formats, so that tests, demo and docs need no licensed byte.

A file depends on its sample name and the seed alone: not on order, process or how many are written.
"""

from skeldata.synth.actions import TWO_PERSON_ACTIONS, programme
from skeldata.synth.choose import choose_names
from skeldata.synth.damage import DAMAGES, NTU_DAMAGES, UCLA_DAMAGES
from skeldata.synth.ntu import ntu_bytes
from skeldata.synth.quirks import QUIRKS
from skeldata.synth.ucla import ucla_bytes
from skeldata.synth.write import write_ntu, write_ucla

__all__ = [
    "DAMAGES",
    "NTU_DAMAGES",
    "QUIRKS",
    "TWO_PERSON_ACTIONS",
    "UCLA_DAMAGES",
    "choose_names",
    "ntu_bytes",
    "programme",
    "ucla_bytes",
    "write_ntu",
    "write_ucla",
]
