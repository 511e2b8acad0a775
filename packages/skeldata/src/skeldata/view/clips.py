"""Scenes of prepared clips and of the raw recordings they were made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from skeldata.clean.bodies import seen_bodies
from skeldata.clean.clip import prepare_clip
from skeldata.errors import ParseError, SourceError
from skeldata.parse.choice import load_parser
from skeldata.recipe import Recipe
from skeldata.sources import SourceReader, list_sources
from skeldata.store.read import Store
from skeldata.types import RawSequence
from skeldata.view.camera import FROM_SENSOR, Camera, front_of, sensor_axes
from skeldata.view.choose import near
from skeldata.view.scene import Scene

FRAMES_PER_SECOND = {"ntu": 30.0, "ucla": 15.0}
"""Source frames a second. Kinect v2 records 30. NW-UCLA states none: at 15 its walkers take a
stride a second (measured on the 91 longest clips of "walk around")."""

_TWO_BODIES = Camera(azimuth=15.0)


def prepared_scene(store: Store, row: int) -> Scene:
    """A row of a store on the stage."""
    return prepared_scenes(store, [row])[0]


def prepared_scenes(store: Store, rows: Sequence[int]) -> list[Scene]:
    """Rows of a store on the stage, read at once."""
    recipe = Recipe.model_validate(store.recipe)
    normalise = recipe.normalise[store.layout.name]
    unit = "m" if normalise.scale is None else "spine lengths"
    joints = store.read(rows).astype(np.float64)
    scenes = []
    for joint, present in zip(joints, store.read_present(rows), strict=True):
        axes = front_of(joint, present, store.layout, normalise.up)
        scene = Scene("prepared", joint @ axes.T, present, store.layout, Camera(), unit)
        if present.any(axis=1).sum() > 1:
            scene = replace(scene, camera=_TWO_BODIES)
        notes = ("some joints fly off and leave the picture",) if scene.strays else ()
        scenes.append(replace(scene, notes=notes))
    return scenes


def raw_scene(store: Store, row: int, source: str | Path) -> Scene:
    """The recording of a row as the sensor saw it, at the same moments as the prepared frames.

    Frames without a body are left out, as in preparation; of the others those nearest to the
    prepared frames are taken. Every body is shown, also those that the recipe drops.

    Args:
        store: whose recipe says what was made of the recording.
        row: of the store.
        source: a folder, a zip or the file itself.

    Raises:
        SourceError: the recording is not there.
        ParseError: it is unreadable or has no body.
    """
    name = store.names[row]
    sequence = _read(store, name, source)
    bodies = seen_bodies(sequence)
    seen = np.unique(np.concatenate([body.frame_index for body in bodies]))
    places = np.ceil(np.arange(store.frames) * (len(seen) - 1) / (store.frames - 1) - 0.5)
    frames = seen[places.astype(np.int64)]
    shape = (len(bodies), store.frames, store.layout.joint_count, 3)
    xyz, present = np.zeros(shape), np.zeros(shape[:2], dtype=np.bool_)
    for number, body in enumerate(bodies):
        shown = np.isin(frames, body.frame_index)
        xyz[number, shown] = body.xyz[np.searchsorted(body.frame_index, frames[shown])]
        present[number] = shown
    scene = Scene(
        "raw, as the sensor saw it", xyz @ sensor_axes().T, present, store.layout, FROM_SENSOR, "m"
    )
    notes = ["some joints fly off and leave the picture"] if scene.strays else []
    if not _makes(store, row, sequence):
        notes.append("prepared again, this recording gives another clip than the store holds")
    return replace(scene, notes=tuple(notes))


def _read(store: Store, name: str, source: str | Path) -> RawSequence:
    listing = list_sources([source], store.dataset.family)
    found = {file.name: file for file in listing.files}
    if name not in found:
        others = near(name, found)
        raise SourceError(f"{source} holds no recording {name}{others}")
    with SourceReader() as reader:
        data = reader.read(found[name])
    try:
        return load_parser(store.dataset.family, len(data)).read(data)
    except ParseError as error:
        raise error.named(name) from None


def _makes(store: Store, row: int, sequence: RawSequence) -> bool:
    """Whether a recording, prepared by the store's recipe, is the store's clip."""
    try:
        clip = prepare_clip(sequence, Recipe.model_validate(store.recipe), store.dataset)
    except ParseError:
        return False
    return np.array_equal(clip.joint, store.read([row])[0])
