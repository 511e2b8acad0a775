"""The training methods by name: one file each."""

from pspmodel.methods.base import DataFacts, Method, build
from pspmodel.methods.psp import PSP

METHODS: dict[str, type[Method]] = {"psp": PSP}

__all__ = ["METHODS", "DataFacts", "Method", "build"]
