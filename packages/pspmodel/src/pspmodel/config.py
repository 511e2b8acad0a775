"""The configuration of a run: typed, frozen, checked, from a recipe plus ``--set`` overrides.

A recipe is a TOML file; ``extends = "NAME"`` builds it on another. Its ``[dataset.ID...]`` tables
override the rest for one dataset; its ``[options]`` are the method's own (network, loss) and are
checked by the method.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pspmodel.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


class StrictModel(BaseModel):
    """Frozen settings; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(StrictModel):
    """What reaches the network.

    Attributes:
        labelled_batch: labelled clips a step.
        unlabelled_batch: unlabelled clips a step; 0 trains on labelled clips alone.
        unlabelled: ``all`` training clips, their labels hidden (released code), or the ``rest``,
            without the labelled ones (paper).
        absent_bodies: ``drop`` keeps absent second persons out of the network; ``keep`` passes
            them through as zeros and averages them in, as the released code does.
    """

    labelled_batch: int = Field(ge=1)
    unlabelled_batch: int = Field(ge=0)
    unlabelled: Literal["all", "rest"] = "all"
    absent_bodies: Literal["drop", "keep"] = "drop"


class AugmentConfig(StrictModel):
    """How strongly clips are changed; all off by default, as in the paper and the released code.

    Attributes:
        draws: ``per-stream`` draws anew for joint and motion, ``shared`` once for both. Shared
            draws let a contrast between streams solve itself by the transform.
        crop: least share of the frames that a random window keeps before it is resampled to T.
        flip: probability of exchanging left and right.
        yaw: largest rotation about the vertical, degrees.
        tilt: largest rotation about each of the two other axes, degrees.
        shear: largest off-diagonal of the shear matrix.
        scale: largest relative change of size.
        noise: standard deviation of joint noise, in the store's units, times a U(0, 1) a clip.
        hide: probability of hiding each joint for the whole clip (zeros).
    """

    draws: Literal["per-stream", "shared"] = "per-stream"
    crop: float = Field(default=1.0, gt=0, le=1)
    flip: float = Field(default=0.0, ge=0, le=1)
    yaw: float = Field(default=0.0, ge=0, le=180)
    tilt: float = Field(default=0.0, ge=0, le=180)
    shear: float = Field(default=0.0, ge=0, lt=1)
    scale: float = Field(default=0.0, ge=0, lt=1)
    noise: float = Field(default=0.0, ge=0)
    hide: float = Field(default=0.0, ge=0, lt=1)

    @property
    def active(self) -> bool:
        """Whether any change can happen."""
        return self.crop < 1 or any(
            (self.flip, self.yaw, self.tilt, self.shear, self.scale, self.noise, self.hide)
        )


class OptimConfig(StrictModel):
    """SGD with Nesterov momentum, linear warm-up by epoch, then steps down.

    Attributes:
        lr: learning rate after warm-up.
        momentum, weight_decay: of SGD; decay applies to every parameter, as in the released code.
        warmup_epochs: W; epoch e < W runs at lr * (e + 1) / W.
        milestones: epochs at which the rate is multiplied by ``decay``.
        decay: factor at a milestone.
    """

    lr: float = Field(gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    warmup_epochs: int = Field(default=0, ge=0)
    milestones: tuple[int, ...] = ()
    decay: float = Field(default=0.1, gt=0)


class TrainConfig(StrictModel):
    """How long to train and what to do on the way.

    Attributes:
        epochs: number of epochs.
        steps_per_epoch: steps of one epoch; 0 means one pass over the unlabelled clips (over the
            labelled ones if there are none).
        precision: ``fp32``, or ``bf16`` autocast with losses in fp32.
        evaluate_every: epochs between evaluations; the last epoch is always evaluated.
        checkpoint_every: epochs between checkpoints; the end is always saved.
        log_every: steps between lines of metrics.jsonl.
    """

    epochs: int = Field(ge=1)
    steps_per_epoch: int = Field(default=0, ge=0)
    precision: Literal["fp32", "bf16"] = "fp32"
    evaluate_every: int = Field(default=1, ge=1)
    checkpoint_every: int = Field(default=1, ge=1)
    log_every: int = Field(default=20, ge=1)


class HeldOutConfig(StrictModel):
    """Training clips whose labels choose an epoch, never train.

    They are the unlabelled training clips of a few subjects. They stay in the unlabelled pool,
    where the protocol puts every training clip; only their labels are kept from training.

    Attributes:
        fraction: share of the training subjects, the highest numbers, at least one.
        subjects: explicit subjects instead.
    """

    fraction: float = Field(default=0.2, gt=0, lt=1)
    subjects: tuple[int, ...] = ()


class RunConfig(StrictModel):
    """Everything that decides a run, written beside it as config.json.

    Attributes:
        recipe: name it came from.
        method: ``psp`` or another of `pspmodel.methods`.
        augment: random changes of training clips; evaluation sees clips as they are stored.
        options: the method's own settings, checked by the method.
    """

    recipe: str
    method: str
    summary: str = ""
    seed: int = Field(default=0, ge=0, lt=2**31)
    data: DataConfig
    augment: AugmentConfig = AugmentConfig()
    optim: OptimConfig
    train: TrainConfig
    held_out: HeldOutConfig = HeldOutConfig()
    options: dict[str, Any] = {}


def recipe_names() -> tuple[str, ...]:
    """Names of the recipes that ship with the package."""
    folder = resources.files("pspmodel").joinpath("recipes")
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


def load_config(
    recipe: str | Path,
    *,
    dataset: str,
    method: str | None = None,
    overrides: Sequence[str] = (),
    seed: int | None = None,
) -> RunConfig:
    """Resolve a recipe for a dataset.

    Args:
        recipe: shipped name or path of a ``.toml`` file.
        dataset: id; its ``[dataset.ID]`` tables in the recipe apply.
        method: overrides the recipe's method.
        overrides: ``section.key=value`` texts, e.g. ``optim.lr=0.05``; values are TOML.
        seed: overrides the recipe's seed.

    Raises:
        ConfigError: no such recipe, or invalid settings; every fault in one message.
    """
    name, content = _read_recipe(str(recipe))
    bases = [name]
    while "extends" in content:
        base, below = _read_recipe(str(content.pop("extends")))
        if base in bases:
            raise ConfigError(
                f"recipe {name}: extends goes round in a circle: {' -> '.join(bases)}"
            )
        bases.append(base)
        content = _merged(below, content)
    special = content.pop("dataset", {})
    if not isinstance(special, dict):
        raise ConfigError(f"recipe {name}: dataset must be tables such as [dataset.nw-ucla.optim]")
    content = _merged(content, special.get(dataset, {}))
    for text in overrides:
        content = _merged(content, _override(text))
    if method is not None:
        content["method"] = method
    if seed is not None:
        content["seed"] = seed
    return checked(RunConfig, {"recipe": name, **content}, f"recipe {name}")


def checked(model: type[Model], content: Mapping[str, Any], where: str) -> Model:
    """Validate settings; all faults at once, unknown keys with the nearest known one."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        faults = "; ".join(_fault(model, fault) for fault in error.errors())
        raise ConfigError(f"{where}: {faults}") from None


def _fault(model: type[BaseModel], fault: Any) -> str:
    path = [str(part) for part in fault["loc"]]
    if fault["type"] == "extra_forbidden":
        known = _known_keys(model, path[:-1])
        near = difflib.get_close_matches(path[-1], known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
        return f"unknown key {'.'.join(path)!r}{hint}"
    return f"{'.'.join(path)}: {fault['msg']}"


def _known_keys(model: type[BaseModel], path: Sequence[str]) -> list[str]:
    for part in path:
        field = model.model_fields.get(part)
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)


def _merged(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = (
            _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return merged


def _override(text: str) -> dict[str, Any]:
    key, equals, value = text.partition("=")
    path = key.strip().split(".")
    if not equals or not all(path):
        raise ConfigError(f"--set {text!r} is not key=value, e.g. optim.lr=0.05")
    try:
        parsed = tomllib.loads(f"x = {value}")["x"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()  # a bare word such as fp32
    for part in reversed(path):
        parsed = {part: parsed}
    return dict(parsed)


def _read_recipe(recipe: str) -> tuple[str, dict[str, Any]]:
    if recipe.endswith(".toml"):
        try:
            name, text = Path(recipe).stem, Path(recipe).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read recipe {recipe}: {error}") from None
    elif recipe in recipe_names():
        name = recipe
        text = resources.files("pspmodel").joinpath("recipes", f"{name}.toml").read_text("utf-8")
    else:
        near = difflib.get_close_matches(recipe, recipe_names(), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ConfigError(
            f"unknown recipe {recipe!r}; {hint}use one of {', '.join(recipe_names())}, or a .toml file"
        )
    try:
        return name, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"recipe {recipe} is not valid TOML: {error}") from None


def as_json(config: BaseModel) -> str:
    """Settings as the run folder keeps them."""
    return json.dumps(config.model_dump(mode="json"), indent=2) + "\n"
