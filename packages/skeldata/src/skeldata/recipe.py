"""Preparation recipes: the named numbers of the pipeline, as data.

A recipe is a TOML file, checked here, and recorded whole in every store it makes.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from skeldata.errors import RecipeError
from skeldata.layouts import LAYOUTS


def _two_ends(bone: tuple[int, int]) -> tuple[int, int]:
    if bone[0] == bone[1]:
        raise ValueError(f"a bone joins two joints, not {bone[0]} with itself")
    return bone


Joint = Annotated[int, Field(ge=0, strict=True)]
Bone = Annotated[tuple[Joint, Joint], AfterValidator(_two_ends)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class EnergySelector(_Strict):
    """Keep the bodies that move most; drop quiet ones that are not upright (furniture)."""

    kind: Literal["energy"]
    reference_joint: Joint
    keep_ratio: float = Field(ge=0, le=1)
    upright_ratio: float = Field(gt=0)


class TracksSelector(_Strict):
    """Drop noise bodies by length and spread, join the tracks of one actor, most motion first.

    Attributes:
        min_frames: bodies seen in fewer frames are noise.
        upright_ratio: a frame is noisy if its width exceeds this share of its height.
        noisy_share: bodies with this share of noisy frames, or more, are noise.
    """

    kind: Literal["tracks"]
    min_frames: int = Field(ge=1, strict=True)
    upright_ratio: float = Field(gt=0)
    noisy_share: float = Field(gt=0, le=1)


Selector = Annotated[EnergySelector | TracksSelector, Field(discriminator="kind")]


class AxesRotation(_Strict):
    """Turn the clip so that bone ``z`` points to +z and bone ``x``, flattened, to +x: z is up."""

    kind: Literal["axes"]
    z: Bone
    x: Bone


class VerticalRotation(_Strict):
    """Turn the clip about the camera's vertical until bone ``x``, made level, points to +x.

    Gravity is kept: ``up``, the camera axis that points up, still points up afterwards.
    """

    kind: Literal["vertical"]
    up: Literal["y"]
    x: Bone


Rotation = Annotated[AxesRotation | VerticalRotation, Field(discriminator="kind")]


class Normalisation(_Strict):
    """Where the origin lies, what has length 1 and how the clip is turned; joints 0-based.

    Without ``scale`` lengths stay metres, without ``rotation`` the axes stay the camera's.
    """

    origin: Joint
    scale: Bone | None = None
    rotation: Rotation | None = None

    @property
    def up(self) -> Literal["y", "z"]:
        """The axis that points up in prepared clips; y in both sensors' camera frames."""
        return "z" if isinstance(self.rotation, AxesRotation) else "y"

    @model_serializer(mode="wrap")
    def _without_what_is_left_out(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in dump(self).items() if value is not None}


class Recipe(_Strict):
    """One way of preparing clips.

    Attributes:
        name, version: identity; a change of any number below is a new version.
        frames: T, frames of every prepared clip.
        selector: which bodies are kept, and in what order.
        normalise: per layout (``kinect25``, ``kinect20``).
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    version: int = Field(ge=1, strict=True)
    summary: str
    frames: int = Field(ge=2, le=1000, strict=True)
    selector: Selector
    normalise: dict[str, Normalisation] = Field(min_length=1)

    @model_validator(mode="after")
    def _joints_exist(self) -> Recipe:
        if faults := _joint_faults(self.model_dump()):
            raise ValueError("; ".join(faults))
        return self

    @property
    def digest(self) -> str:
        """sha256 of the recipe's content, independent of how its file is laid out."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def recipe_names() -> tuple[str, ...]:
    """Names of the recipes that ship with the package."""
    folder = resources.files("skeldata").joinpath("recipes")
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


def load_recipe(name_or_path: str | Path, *, frames: int | None = None) -> Recipe:
    """Load a shipped recipe by name, or a lab's own from a ``.toml`` file.

    Raises:
        RecipeError: no such recipe, or its file is invalid (all faults in one message).

    >>> load_recipe("psp").frames
    50
    """
    text, origin = _read(str(name_or_path))
    try:
        content: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"recipe {origin} is not valid TOML: {error}") from None
    if frames is not None:
        content["frames"] = frames
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        # The check of joints speaks for the whole recipe, and only where each part is valid alone:
        # repeat it, so that its faults are told beside the others.
        faults = [_worded(fault) for fault in error.errors() if fault["loc"]]
        faults += _joint_faults(content)
        raise RecipeError(f"recipe {origin}: {'; '.join(faults)}") from None


def _read(name_or_path: str) -> tuple[str, str]:
    if name_or_path.endswith(".toml"):
        try:
            return Path(name_or_path).read_text("utf-8"), name_or_path
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"cannot read recipe {name_or_path}: {error}") from None
    if name_or_path not in recipe_names():
        known = ", ".join(recipe_names())
        raise RecipeError(f"unknown recipe {name_or_path!r}; use one of {known}, or a .toml file")
    file = resources.files("skeldata").joinpath("recipes", f"{name_or_path}.toml")
    return file.read_text("utf-8"), name_or_path


def _joint_faults(content: Mapping[str, Any]) -> list[str]:
    """What is wrong with layouts and joints, in valid content and in any other alike."""
    selector, tables = content.get("selector"), content.get("normalise")
    reference = selector.get("reference_joint") if isinstance(selector, dict) else None
    faults = []
    for name, table in tables.items() if isinstance(tables, dict) else ():
        if name not in LAYOUTS:
            faults.append(f"normalise: unknown layout {name!r}; there are {', '.join(LAYOUTS)}")
            continue
        count = LAYOUTS[name].joint_count
        used = [*_integers(reference, "selector.reference_joint")]
        used += _integers(table, f"normalise.{name}")
        faults += [
            f"{where}: {name} has no joint {joint}, only 0..{count - 1}"
            for where, joint in used
            if joint >= count
        ]
    return faults


def _integers(value: object, where: str) -> Iterator[tuple[str, int]]:
    """Every whole number inside a value, with the key it stands under."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _integers(inner, f"{where}.{key}")
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _integers(inner, where)
    elif type(value) is int:
        yield where, value


_MODELS = (
    Recipe, EnergySelector, TracksSelector, Normalisation, AxesRotation, VerticalRotation,
)  # fmt: skip
_KEYS = sorted({key for model in _MODELS for key in model.model_fields})


def _worded(fault: Any) -> str:
    """One of pydantic's faults, with the key as it stands in the file."""
    path = [str(part) for part in fault["loc"]]
    # Below a choice by kind, pydantic names the kind as well: selector.energy.keep_ratio.
    path = [
        part
        for above, part in zip(["", *path], path, strict=False)
        if not (
            above in ("selector", "rotation") and part in ("energy", "tracks", "axes", "vertical")
        )
    ]
    key, kind = ".".join(path), fault["type"]
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(path[-1], _KEYS, n=1)
        return f"{key}: unknown key{f', did you mean {near[0]}?' if near else ''}"
    if kind == "union_tag_invalid":
        return f"{key}.kind: {fault['ctx']['tag']!r}; use one of {fault['ctx']['expected_tags']}"
    if kind == "union_tag_not_found":
        return f"{key}.kind: Field required"
    if kind == "value_error":
        return f"{key}: {fault['ctx']['error']}"
    return f"{key}: {fault['msg']}"
