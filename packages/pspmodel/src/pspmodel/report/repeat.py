"""The commands that repeat a run: found from its files, and shown only where they are proven to."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pspmodel.config import RunConfig
from pspmodel.errors import ConfigError
from pspmodel.recipe import checked, load_config
from pspmodel.report.records import RunRecord
from skeldata import Store, get_dataset, load_recipe
from skeldata.errors import SkeldataError

RECORDINGS = "PATH_OF_THE_RECORDINGS"
"""What stands in a command for the raw files."""

_BARE_WORD = re.compile(r"(?!(?:true|false|inf|nan)$)[A-Za-z][\w-]*")

_IN_STAGE = re.compile(r"^stage\.[^.]+\.")
_ABSENT = object()


@dataclass(frozen=True)
class Commands:
    """What to type to have a run again.

    Attributes:
        lines: the commands, in order.
        recipe_file: name of a recipe of one's own that the training command reads, or None.
        recipe: its text.
        notes: what the lines alone do not say, one sentence each.
    """

    lines: tuple[str, ...]
    recipe_file: str | None = None
    recipe: str = field(default="", repr=False)
    notes: tuple[str, ...] = ()


def preparation(store: Store) -> dict[str, Any]:
    """How a store was prepared, as report.json keeps it."""
    name = store.recipe["name"]
    try:
        shipped = load_recipe(name, frames=store.frames).digest == store.attributes["recipe_digest"]
    except SkeldataError:
        shipped = False
    return {
        "recipe": name,
        "shipped": shipped,
        "frames": store.frames,
        "recipe_digest": store.attributes["recipe_digest"],
        "source_digest": store.source_digest,
    }


def commands(record: RunRecord, prepared: Mapping[str, Any] | None) -> Commands:
    """The commands from raw recordings to the run.

    Args:
        record: a run that has reported.
        prepared: from `preparation`; None where the store is not at hand.
    """
    notes: list[str] = []
    lines = [*_preparing(record, prepared, notes), *_splitting(record, notes)]
    if record.data["split"]["rule"] != "assl":
        notes.append("labelled.txt is in the run's folder; sha256sum of it is the digest.")
    arguments, text = _settings(record)
    if arguments is None:
        notes.append("This version does not know the run's settings any more; take the run's own.")
        return Commands(tuple(lines), notes=tuple(notes))
    lines.append(_training(record, arguments))
    file = None
    if text:
        file = f"{record.config['recipe']}.toml"
        notes.append(f"The recipe does not ship with this pspmodel; save it as {file}.")
    return Commands(tuple(lines), file, text, tuple(notes))


def _preparing(
    record: RunRecord, prepared: Mapping[str, Any] | None, notes: list[str]
) -> Iterator[str]:
    store = _store_name(record)
    if prepared is None:
        notes.append(
            "The store is not at hand, and the run did not write down how it was prepared; "
            "skeldata report shows that for a store."
        )
    else:
        recipe = prepared["recipe"] + ("" if prepared["shipped"] else ".toml")
        yield shlex.join([
            "skeldata", "prepare", get_dataset(record.data["dataset"]).family, "--raw", RECORDINGS,
            "--recipe", recipe, "--frames", str(prepared["frames"]), "--out", store,
        ])  # fmt: skip
        if not prepared["shipped"]:
            notes.append(
                f"The preparation {recipe} does not ship with this skeldata; skeldata report shows it."
            )
    yield shlex.join(["skeldata", "verify", store])


def _splitting(record: RunRecord, notes: list[str]) -> Iterator[str]:
    split = record.data["split"]
    if split["rule"] == "assl" and split["base"] == "official":
        yield shlex.join([
            "skeldata", "splits", "show", "--dataset", record.data["dataset"],
            "--protocol", record.data["protocol"], "--ratio", split["ratio"],
            "--seed", str(split["seed"]), "--digest",
        ])  # fmt: skip
    elif split["rule"] == "assl":
        yield shlex.join([
            "skeldata", "splits", "make", "--store", _store_name(record),
            "--protocol", record.data["protocol"], "--ratio", split["ratio"],
            "--seeds", str(split["seed"]), "--out", "splits",
        ])  # fmt: skip
        notes.append("Labels are drawn from the store's own training names, not the official ones.")


def resuming(record: RunRecord, store: str, folder: str) -> str | None:
    """The command that goes on with a run that was interrupted; None where its own must be repeated.

    Args:
        record: of the run.
        store: its store, as the command is to name it.
        folder: its folder, likewise.
    """
    split = record.data["split"]
    arguments, text = _settings(record)
    if arguments is None or text or split["rule"] != "assl":
        return None
    return shlex.join([
        "pspmodel", "train", "--store", store, "--protocol", record.data["protocol"],
        "--ratio", split["ratio"], "--split-seed", str(split["seed"]), *arguments,
        "--out", folder, "--resume",
    ])  # fmt: skip


def _training(record: RunRecord, arguments: Sequence[str]) -> str:
    split, report = record.data["split"], record.report or {}
    processes = int(report.get("processes", 1))
    program = ["pspmodel"]
    if processes > 1:
        program = ["torchrun", "--nproc-per-node", str(processes), "-m", "pspmodel"]
    labels = ["--labels", "labelled.txt"]
    if split["rule"] == "assl":
        labels = ["--ratio", split["ratio"], "--split-seed", str(split["seed"])]
    device = "cpu" if str(report.get("device", "cpu")).startswith("cpu") else "cuda"
    stopped = [] if record.finished else ["--steps", str(report.get("steps"))]
    return shlex.join([
        *program, "train", "--store", _store_name(record), "--protocol", record.data["protocol"],
        *labels, *arguments, "--device", device, *stopped,
    ])  # fmt: skip


def _store_name(record: RunRecord) -> str:
    return Path(record.data["store"]).name


# ---- settings ------------------------------------------------------------------------------
def _settings(record: RunRecord) -> tuple[list[str] | None, str]:
    """Arguments that resolve to the run's settings, and the recipe that they need, if any."""
    try:
        config = RunConfig.model_validate(record.config)
    except ValidationError:
        return None, ""
    seed = ["--seed", str(config.seed)]
    for method in (None, config.method):
        found = _overrides(config, record.data["dataset"], method)
        if found is not None:
            named = ["--method", method] if method else []
            sets = [part for text in found for part in ("--set", text)]
            return ["--recipe", config.recipe, *named, *seed, *sets], ""
    text = as_toml(config)
    try:
        again = checked(RunConfig, {"recipe": config.recipe, **tomllib.loads(text)}, "")
    except ConfigError:
        return None, ""
    return (["--recipe", f"{config.recipe}.toml", *seed], text) if again == config else (None, "")


def _overrides(config: RunConfig, dataset: str, method: str | None) -> list[str] | None:
    """The ``--set`` texts that turn the recipe into the settings; None if none do."""
    wanted = _flat(config.model_dump(mode="json"))
    found: list[str] = []
    try:
        # Stages take over what is set for the whole run, so theirs come second.
        for of_stages in (False, True):
            loaded = _load(config, dataset, method, found)
            given = _flat(loaded.model_dump(mode="json"))
            found += [
                f"{key}={_value(value)}"
                for key, value in wanted.items()
                if key.startswith("stage.") == of_stages
                and key not in ("recipe", "method", "summary", "seed")
                and value != given.get(key, given.get(_IN_STAGE.sub("", key), _ABSENT))
            ]
        for name in config.stage.keys() - _load(config, dataset, method, found).stage.keys():
            # Set to what it inherits anyway; a stage is there once one key of it is.
            key = f"stage.{name}.train.epochs"
            found.append(f"{key}={wanted[key]}")
        again = _load(config, dataset, method, found)
    except ConfigError:
        return None
    return found if again.model_copy(update={"summary": config.summary}) == config else None


def _load(config: RunConfig, dataset: str, method: str | None, found: Sequence[str]) -> RunConfig:
    return load_config(
        config.recipe, dataset=dataset, method=method, overrides=found, seed=config.seed
    )


def _flat(content: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        name = f"{path}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat


def _value(value: Any) -> str:
    """A value of ``--set``: TOML, or a bare word.

    >>> _value("bf16"), _value("true"), _value([0.9, 0.99]), _value(True)
    ('bf16', '"true"', '[0.9, 0.99]', 'true')
    """
    if isinstance(value, str) and _BARE_WORD.fullmatch(value):
        return value
    return json.dumps(value)


def as_toml(config: RunConfig) -> str:
    """Settings as a recipe of one's own, whole; the recipe's name is its file's."""
    content = config.model_dump(mode="json")
    del content["recipe"]
    return "\n".join(_sections(content)) + "\n"


def _sections(table: Mapping[str, Any], path: str = "") -> Iterator[str]:
    values = {key: value for key, value in table.items() if not isinstance(value, dict)}
    if values and path:
        yield f"\n[{path}]"
    yield from (f"{key} = {json.dumps(value)}" for key, value in values.items())
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _sections(value, f"{path}.{key}" if path else key)
