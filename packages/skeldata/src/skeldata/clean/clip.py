"""The pipeline for one sample: select bodies, normalise, resample."""

from __future__ import annotations

import numpy as np

from skeldata.clean.bodies import select_by_energy
from skeldata.clean.normalise import normalise
from skeldata.clean.resample import resample
from skeldata.datasets import Dataset
from skeldata.errors import ParseError, RecipeError
from skeldata.recipe import Recipe
from skeldata.types import Clip, RawSequence


def prepare_clip(sequence: RawSequence, recipe: Recipe, dataset: Dataset) -> Clip:
    """Turn a raw sequence into a clip of ``dataset.persons`` bodies and ``recipe.frames`` frames.

    Computed in float64, stored as float32.

    Raises:
        ParseError: there is no body, or the recipe cannot be applied to this one.
        RecipeError: the recipe says nothing about the dataset's layout.
    """
    layout = dataset.layout
    if layout.name not in recipe.normalise:
        raise RecipeError(f"recipe {recipe.name} has no [normalise.{layout.name}] for {dataset.id}")
    tracks = select_by_energy(sequence, recipe.selector, dataset.persons)
    length = tracks.present.shape[1]
    tracks = resample(normalise(tracks, recipe.normalise[layout.name]), recipe.frames)
    bodies = len(tracks.xyz)
    joint = np.zeros((dataset.persons, recipe.frames, layout.joint_count, 3), dtype=np.float32)
    present = np.zeros((dataset.persons, recipe.frames), dtype=np.bool_)
    with np.errstate(over="ignore"):
        joint[:bodies] = tracks.xyz
    present[:bodies] = tracks.present
    if not np.isfinite(joint).all():
        raise ParseError("coordinates are too large to normalise")
    return Clip(joint, present, length)
