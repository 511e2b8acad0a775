"""Networks: modules of tensors and plain values that know no stores, configs or training."""

from pspmodel.nn.dsta import PSP_BLOCKS, Block, DstaBlock, DstaEncoder, scaled_blocks
from pspmodel.nn.heads import ContrastProjection, node_mean, person_mean
from pspmodel.nn.ppa import LEVELS, Level, PolymerisingAttention, Scale
from pspmodel.nn.psp import PSPNetwork
from pspmodel.nn.pyramid import BodyFrom, SkeletonPyramid

__all__ = [
    "LEVELS",
    "PSP_BLOCKS",
    "Block",
    "BodyFrom",
    "ContrastProjection",
    "DstaBlock",
    "DstaEncoder",
    "Level",
    "PSPNetwork",
    "PolymerisingAttention",
    "Scale",
    "SkeletonPyramid",
    "node_mean",
    "person_mean",
    "scaled_blocks",
]
