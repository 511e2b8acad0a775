"""The training methods by name: one file each."""

from pspmodel.methods.base import DataFacts, Method, build
from pspmodel.methods.psp import PSP
from pspmodel.methods.supervised import Supervised

METHODS: dict[str, type[Method]] = {"psp": PSP, "supervised": Supervised}

__all__ = ["METHODS", "DataFacts", "Method", "build"]
