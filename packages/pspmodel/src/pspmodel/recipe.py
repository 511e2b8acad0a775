"""Recipes: TOML files, and ``--set`` overrides, resolved into the configuration of a run.

``extends = "NAME"`` builds a recipe on another, ``extends = "FILE.toml"`` on one whose path counts
from the folder of the recipe. Its ``[dataset.ID...]`` tables override the rest for one dataset, its
``[stage.NAME...]`` tables for one stage of the method. ``[options]`` belong to the recipe's method:
where another method takes its place, they go.

``NAME+b3`` is a recipe with an ablation of its method: a table of ``recipes/ablations/METHOD.toml``.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pspmodel.config import RunConfig
from pspmodel.errors import ConfigError
from skeldata import recipe_names as skeldata_recipes

Model = TypeVar("Model", bound=BaseModel)

_OF_A_STAGE = ("augment", "weak", "optim", "train")


def recipe_names() -> tuple[str, ...]:
    """Names of the recipes that ship with the package."""
    folder = resources.files("pspmodel").joinpath("recipes")
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


def default_recipe(dataset: str, method: str | None = None) -> str:
    """The recipe to take where none is named.

    The one that we have measured for the method on the dataset; or else the one that has the
    method's name; or else what measured best on the dataset, and where nothing was measured, as on
    NTU, PSP's published settings.

    >>> default_recipe("nw-ucla"), default_recipe("nw-ucla", "psp")
    ('nw-ucla', 'nw-ucla-psp')
    >>> default_recipe("ntu60"), default_recipe("ntu60", "psp"), default_recipe("ntu60", "sds-cl")
    ('psp-code', 'psp-code', 'sds-cl')
    """
    for name in (f"{dataset}-{method}", method):
        if name in recipe_names():
            return str(name)
    return "nw-ucla" if dataset == "nw-ucla" else "psp-code"


def ablations(method: str) -> dict[str, dict[str, Any]]:
    """What each ablation of a method sets, by name; empty for a method without."""
    file = resources.files("pspmodel").joinpath("recipes", "ablations", f"{method}.toml")
    return tomllib.loads(file.read_text("utf-8")) if file.is_file() else {}


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
        recipe: shipped name or path of a ``.toml`` file, and ``+NAME`` for each ablation wanted.
        dataset: id; its ``[dataset.ID]`` tables in the recipe apply.
        method: overrides the recipe's method.
        overrides: ``section.key=value`` texts, e.g. ``optim.lr=0.05``; values are TOML.
        seed: overrides the recipe's seed.

    Raises:
        ConfigError: no such recipe or ablation, or invalid settings; every fault in one message.
    """
    base, ablated = _taken_apart(str(recipe))
    name, content = _extended(base)
    content = _for_method(content, method)
    content = _merged(content, content.pop("dataset", {}).get(dataset, {}))
    for ablation in ablated:
        name, content = f"{name}+{ablation}", _ablated(content, ablation, name)
    for text in overrides:
        content = _merged(content, _override(text))
    if seed is not None:
        content["seed"] = seed
    stages = content.pop("stage", {})
    if not isinstance(stages, dict) or not all(isinstance(s, dict) for s in stages.values()):
        raise ConfigError(f"recipe {name}: stage must be tables such as [stage.pretrain.optim]")
    common = {section: content[section] for section in _OF_A_STAGE if section in content}
    content["stage"] = {stage: _merged(common, own) for stage, own in stages.items()}
    return checked(RunConfig, {"recipe": name, **content}, f"recipe {name}")


def _extended(recipe: str) -> tuple[str, dict[str, Any]]:
    """A recipe's name, and its content merged with that of all it builds on."""
    name, content = _read_recipe(recipe)
    names, places = [name], [_place(recipe)]
    while "extends" in content:
        recipe = _beside(str(content.pop("extends")), recipe)
        if _place(recipe) in places:
            raise ConfigError(
                f"recipe {name}: extends goes round in a circle: {' -> '.join(names)}"
            )
        base, below = _read_recipe(recipe)
        names.append(base)
        places.append(_place(recipe))
        content = _merged(_for_method(below, content.get("method")), content)
    return name, content


def _place(recipe: str) -> Path | str:
    """What tells recipes apart: a file may have the name of a shipped one or of another file."""
    return Path(recipe).resolve() if recipe.endswith(".toml") else recipe


def _beside(recipe: str, extending: str) -> str:
    """What a recipe extends; a file's path counts from the folder of the file that names it."""
    own = recipe.endswith(".toml") and extending.endswith(".toml")
    return str(Path(extending).parent / recipe) if own else recipe


def _for_method(content: dict[str, Any], method: str | None) -> dict[str, Any]:
    """A recipe's content for another method: the options and stages of its own one go."""
    if method is None or content.get("method") in (None, method):
        return content if method is None else {**content, "method": method}
    kept = {key: value for key, value in content.items() if key not in ("options", "stage")}
    for dataset, tables in kept.get("dataset", {}).items():
        own = {key: value for key, value in tables.items() if key not in ("options", "stage")}
        kept = {**kept, "dataset": {**kept["dataset"], dataset: own}}
    return {**kept, "method": method}


def _taken_apart(recipe: str) -> tuple[str, list[str]]:
    """A recipe's name or path, and its ablations."""
    match = re.fullmatch(r"(.*\.toml|[^+]*)((?:\+[^+]*)*)", recipe, re.DOTALL)
    return (match[1], match[2].split("+")[1:]) if match else (recipe, [])


def _ablated(content: dict[str, Any], ablation: str, recipe: str) -> dict[str, Any]:
    method = str(content.get("method"))
    known = ablations(method)
    if ablation not in known:
        can = f"it has {', '.join(known)}" if known else "it has none"
        raise ConfigError(
            f"recipe {recipe}+{ablation}: {ablation!r} is no ablation of method {method}; {can}"
        )
    change = known[ablation]
    summary = f"{content['summary']}; " if "summary" in content else ""
    change = {**change, "summary": f"{summary}{ablation.upper()}, {change['summary']}"}
    return _merged(_for_method(content, change.get("method")), change)


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


def recipe_text(recipe: str) -> str:
    """A recipe's file as it stands, its header included.

    Raises:
        ConfigError: there is none of that name, or the file cannot be read.
    """
    if recipe.endswith(".toml"):
        try:
            return Path(recipe).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"cannot read recipe {recipe}: {error}") from None
    if recipe in recipe_names():
        return resources.files("pspmodel").joinpath("recipes", f"{recipe}.toml").read_text("utf-8")
    near = difflib.get_close_matches(recipe, recipe_names(), n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    if recipe in skeldata_recipes():
        hint = f"{recipe!r} is a recipe of `skeldata prepare`, this is one of training; "
    raise ConfigError(
        f"unknown recipe {recipe!r}; {hint}use one of {', '.join(recipe_names())}, or a .toml file"
    )


def summary_of(recipe: str) -> str:
    """What a shipped recipe says of itself in one line."""
    return str(_read_recipe(recipe)[1].get("summary", ""))


def _read_recipe(recipe: str) -> tuple[str, dict[str, Any]]:
    text = recipe_text(recipe)
    name = Path(recipe).stem if recipe.endswith(".toml") else recipe
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"recipe {recipe} is not valid TOML: {error}") from None
    special = content.get("dataset", {})
    if not isinstance(special, dict) or not all(isinstance(s, dict) for s in special.values()):
        raise ConfigError(f"recipe {name}: dataset must be tables such as [dataset.nw-ucla.optim]")
    return name, content


def completed(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as a run wrote them, and what its version did not know yet at its default.

    An option that is new leaves runs without it as they were, so its default is what they did. Settings
    that this version cannot read stay as they are.
    """
    try:
        return RunConfig.model_validate(settings).model_dump(mode="json")
    except ValidationError:
        return settings
