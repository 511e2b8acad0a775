"""The training methods by name: one file each."""

from pspmodel.methods.base import DataFacts, Method, Step, build
from pspmodel.methods.psp import PSP
from pspmodel.methods.pstl import Pstl
from pspmodel.methods.sds_cl import SdsCl
from pspmodel.methods.skeattnclr import SkeAttnCLR
from pspmodel.methods.stream_contrast import StreamContrast
from pspmodel.methods.supervised import Supervised

METHODS: dict[str, type[Method]] = {
    "psp": PSP,
    "pstl": Pstl,
    "sds-cl": SdsCl,
    "skeattnclr": SkeAttnCLR,
    "stream-contrast": StreamContrast,
    "supervised": Supervised,
}

__all__ = ["METHODS", "DataFacts", "Method", "Step", "build"]
