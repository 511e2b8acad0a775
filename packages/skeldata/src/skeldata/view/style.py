"""What all pictures share: colours that colour-blind readers tell apart, and words."""

from __future__ import annotations

from skeldata.store.read import Store
from skeldata.view.clips import FRAMES_PER_SECOND

SIDES = ("left", "right", "middle")

COLOURS = {"left": "#0072b2", "right": "#d55e00", "middle": "#5f6368"}
"""Blue and vermillion of Okabe and Ito, on white."""

DARK_COLOURS = {"left": "#56b4e9", "right": "#ff8f4a", "middle": "#b4b8bf"}
"""The same hues, light enough for a dark page."""

INK, FAINT, LINE, SHADOW = "#1c1c1e", "#5f6368", "#e1e3e8", "#d3d6dc"


def title_of(store: Store, row: int) -> str:
    """A clip's name and class.

    >>> from types import SimpleNamespace as Some
    >>> title_of(Some(names=["a02"], labels=[1], dataset=Some(classes=["sit", "stand"])), 0)
    'a02: stand'
    """
    return f"{store.names[row]}: {store.dataset.classes[store.labels[row]]}"


def facts_of(store: Store, row: int) -> str:
    """Dataset, length and recipe of a clip in one line."""
    return f"{store.dataset.title}, {length_of(store, row)}, {recipe_of(store)}"


def length_of(store: Store, row: int) -> str:
    """How long a clip was, and is."""
    length = int(store.lengths[row])
    frames = f"{length:,} source frame{'' if length == 1 else 's'}"
    return f"{frames} ({seconds_of(store, row):.1f} s) as {store.frames}"


def seconds_of(store: Store, row: int) -> float:
    """How long the recorded action took, seconds."""
    return float(store.lengths[row]) / FRAMES_PER_SECOND[store.dataset.family]


def recipe_of(store: Store) -> str:
    """Name and version of the recipe."""
    return f"recipe {store.recipe['name']} version {store.recipe['version']}"
