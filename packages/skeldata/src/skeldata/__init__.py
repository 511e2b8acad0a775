"""Raw skeleton recordings to one zarr store, with label splits that any lab reproduces.

The public names are loaded when first used, so that ``import skeldata`` (and ``--help``) is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from skeldata.clean.bodies import Tracks as Tracks
    from skeldata.clean.clip import prepare_clip as prepare_clip
    from skeldata.clean.clip import prepare_tracks as prepare_tracks
    from skeldata.datasets import Dataset as Dataset
    from skeldata.datasets import Protocol as Protocol
    from skeldata.datasets import get_dataset as get_dataset
    from skeldata.errors import ManifestError as ManifestError
    from skeldata.errors import ParseError as ParseError
    from skeldata.errors import RecipeError as RecipeError
    from skeldata.errors import SkeldataError as SkeldataError
    from skeldata.errors import SourceError as SourceError
    from skeldata.errors import StoreError as StoreError
    from skeldata.errors import UsageError as UsageError
    from skeldata.export import export_store as export_store
    from skeldata.layouts import KINECT20 as KINECT20
    from skeldata.layouts import KINECT25 as KINECT25
    from skeldata.layouts import Layout as Layout
    from skeldata.names import SampleName as SampleName
    from skeldata.parse.ntu import read_ntu as read_ntu
    from skeldata.parse.ucla import read_ucla as read_ucla
    from skeldata.preparation import PrepareReport as PrepareReport
    from skeldata.preparation import prepare as prepare
    from skeldata.recipe import Recipe as Recipe
    from skeldata.recipe import load_recipe as load_recipe
    from skeldata.recipe import recipe_names as recipe_names
    from skeldata.splits.arguments import parse_ratio as parse_ratio
    from skeldata.splits.arguments import parse_seeds as parse_seeds
    from skeldata.splits.balance import balance as balance
    from skeldata.splits.draw import draw as draw
    from skeldata.splits.imported import import_list as import_list
    from skeldata.splits.listing import names_digest as names_digest
    from skeldata.splits.read import read_manifest as read_manifest
    from skeldata.splits.split import Split as Split
    from skeldata.store.copies import copied_from_training as copied_from_training
    from skeldata.store.copies import find_copies as find_copies
    from skeldata.store.diff import diff_stores as diff_stores
    from skeldata.store.read import Store as Store
    from skeldata.store.read import open_store as open_store
    from skeldata.store.verify import verify_store as verify_store
    from skeldata.streams import bone as bone
    from skeldata.streams import motion as motion
    from skeldata.types import Clip as Clip
    from skeldata.types import RawBody as RawBody
    from skeldata.types import RawSequence as RawSequence
    from skeldata.types import Rejection as Rejection

_HOME = {
    "clean.bodies": ("Tracks",),
    "clean.clip": ("prepare_clip", "prepare_tracks"),
    "datasets": ("Dataset", "Protocol", "get_dataset"),
    "errors": (
        "ManifestError", "ParseError", "RecipeError", "SkeldataError", "SourceError", "StoreError",
        "UsageError",
    ),
    "export": ("export_store",),
    "layouts": ("KINECT20", "KINECT25", "Layout"),
    "names": ("SampleName",),
    "parse.ntu": ("read_ntu",),
    "parse.ucla": ("read_ucla",),
    "preparation": ("PrepareReport", "prepare"),
    "recipe": ("Recipe", "load_recipe", "recipe_names"),
    "splits.arguments": ("parse_ratio", "parse_seeds"),
    "splits.balance": ("balance",),
    "splits.draw": ("draw",),
    "splits.imported": ("import_list",),
    "splits.listing": ("names_digest",),
    "splits.read": ("read_manifest",),
    "splits.split": ("Split",),
    "store.copies": ("copied_from_training", "find_copies"),
    "store.diff": ("diff_stores",),
    "store.read": ("Store", "open_store"),
    "store.verify": ("verify_store",),
    "streams": ("bone", "motion"),
    "types": ("Clip", "RawBody", "RawSequence", "Rejection"),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted([*_MODULE_OF, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'skeldata' has no attribute {name!r}")
    value = getattr(import_module(f"skeldata.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
