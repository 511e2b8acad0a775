"""Preparation recipes: the named numbers of the pipeline, as data.

A recipe is a TOML file, checked here, and recorded whole in every store it makes.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from skeldata.errors import RecipeError
from skeldata.layouts import LAYOUTS

Joint = Annotated[int, Field(ge=0)]
Bone = tuple[Joint, Joint]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EnergySelector(_Strict):
    """Keep the bodies that move most; drop quiet ones that are not upright (furniture)."""

    kind: Literal["energy"]
    reference_joint: Joint
    keep_ratio: float = Field(ge=0, le=1)
    upright_ratio: float = Field(gt=0)


class AxesRotation(_Strict):
    """Turn the clip so that bone ``z`` points to +z and bone ``x``, flattened, to +x."""

    kind: Literal["axes"]
    z: Bone
    x: Bone


class Normalisation(_Strict):
    """Where the origin lies, what has length 1 and how the clip is turned; joints 0-based."""

    origin: Joint
    scale: Bone
    rotation: AxesRotation


class Recipe(_Strict):
    """One way of preparing clips.

    Attributes:
        name, version: identity; a change of any number below is a new version.
        frames: T, frames of every prepared clip.
        selector: which bodies are kept, and in what order.
        normalise: per layout (``kinect25``, ``kinect20``).
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    version: int = Field(ge=1)
    summary: str
    frames: int = Field(ge=2, le=1000)
    selector: EnergySelector
    normalise: dict[str, Normalisation]

    @model_validator(mode="after")
    def _joints_exist(self) -> Recipe:
        faults = []
        for name, part in self.normalise.items():
            if name not in LAYOUTS:
                faults.append(f"unknown layout {name!r}; there are {', '.join(LAYOUTS)}")
                continue
            count = LAYOUTS[name].joint_count
            used = (part.origin, *part.scale, *part.rotation.z, *part.rotation.x)
            faults += [f"{name} has no joint {j}, only 0..{count - 1}" for j in used if j >= count]
        if faults:
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
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'recipe'}: {fault['msg']}"
            for fault in error.errors()
        )
        raise RecipeError(f"recipe {origin}: {faults}") from None


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
