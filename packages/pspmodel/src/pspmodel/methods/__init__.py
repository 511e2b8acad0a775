"""The training methods by name: one file each."""

from pspmodel.methods.base import DataFacts, Method, Step, build
from pspmodel.methods.psp import PSP
from pspmodel.methods.stream_contrast import StreamContrast
from pspmodel.methods.supervised import Supervised

METHODS: dict[str, type[Method]] = {
    "psp": PSP,
    "stream-contrast": StreamContrast,
    "supervised": Supervised,
}

__all__ = ["METHODS", "DataFacts", "Method", "Step", "build"]
