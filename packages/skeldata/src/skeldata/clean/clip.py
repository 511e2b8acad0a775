"""The pipeline for one sample: select bodies, normalise, resample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skeldata.clean.bodies import Tracks, select_by_energy
from skeldata.clean.normalise import normalise
from skeldata.clean.resample import resample
from skeldata.clean.tracks import select_by_tracks
from skeldata.datasets import Dataset
from skeldata.errors import ParseError, RecipeError
from skeldata.types import Clip, RawSequence

if TYPE_CHECKING:
    from skeldata.recipe import Recipe


def prepare_clip(sequence: RawSequence, recipe: Recipe, dataset: Dataset) -> Clip:
    """Turn a raw sequence into a clip of ``dataset.persons`` bodies and ``recipe.frames`` frames.

    Computed in float64, stored as float32.

    Raises:
        ParseError: there is no body, or the recipe cannot be applied to this one.
        RecipeError: the recipe says nothing about the dataset's layout.
    """
    tracks = prepare_tracks(sequence, recipe, dataset)
    length = tracks.present.shape[1]
    tracks = resample(tracks, recipe.frames)
    layout = dataset.layout
    bodies = len(tracks.xyz)
    joint = np.zeros((dataset.persons, recipe.frames, layout.joint_count, 3), dtype=np.float32)
    present = np.zeros((dataset.persons, recipe.frames), dtype=np.bool_)
    with np.errstate(over="ignore"):
        joint[:bodies] = tracks.xyz
    present[:bodies] = tracks.present
    if not np.isfinite(joint).all():
        raise ParseError("coordinates are too large to normalise")
    return Clip(joint, present, length)


def prepare_tracks(sequence: RawSequence, recipe: Recipe, dataset: Dataset) -> Tracks:
    """Select and normalise the bodies of a raw sequence, without resampling.

    Returns:
        1 to ``dataset.persons`` bodies on the frames in which at least one of them is present. With
        recipe ``ctrgcn``, ``xyz`` as float32 equals the arrays that CTR-GCN publishes, before they
        are padded, unless ``gaps`` says otherwise.

    Raises:
        ParseError: there is no body, or the recipe cannot be applied to this one.
        RecipeError: the recipe says nothing about the dataset's layout.
    """
    require_layout(recipe, dataset)
    if recipe.selector.kind == "tracks":
        tracks = select_by_tracks(sequence, recipe.selector, dataset.persons)
    else:
        tracks = select_by_energy(sequence, recipe.selector, dataset.persons)
    return normalise(tracks, recipe.normalise[dataset.layout.name])


def require_layout(recipe: Recipe, dataset: Dataset) -> None:
    """Raise `RecipeError` if the recipe says nothing about the dataset's layout."""
    layout = dataset.layout.name
    if layout not in recipe.normalise:
        raise RecipeError(f"recipe {recipe.name} has no [normalise.{layout}] for {dataset.id}")
