"""Checkpoints: tensors as safetensors, the rest as JSON, written so that none is ever half there.

Nothing in a checkpoint is executed when it is opened.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pspmodel.errors import CheckpointError

FORMAT_VERSION = 1
_TENSORS, _FACTS = "tensors.safetensors", "checkpoint.json"
_MODEL, _AVERAGE = "model.", "average."


def save(
    folder: Path,
    facts: dict[str, Any],
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    average: nn.Module | None = None,
) -> None:
    """Write a checkpoint folder; an older one of the same name is replaced in one rename.

    Args:
        folder: where, e.g. ``runs/x/checkpoints/last``.
        facts: step, digests, best accuracies: what JSON can hold.
        model: all its parameters and buffers are saved.
        optimizer: its state too, if given.
        average: the model with averaged weights, if there is one.

    Raises:
        CheckpointError: it cannot be written, e.g. on a full disk; the older one stays.
    """
    tensors = {f"{_MODEL}{name}": tensor for name, tensor in model.state_dict().items()}
    if average is not None:
        tensors |= {f"{_AVERAGE}{name}": tensor for name, tensor in average.state_dict().items()}
    if optimizer is not None:
        tensors |= _optimizer_tensors(optimizer)
    temporary = folder.with_name(f".{folder.name}.writing")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()},
            temporary / _TENSORS,
        )
        content = {"format_version": FORMAT_VERSION, **facts}
        (temporary / _FACTS).write_text(json.dumps(content, indent=2) + "\n", "utf-8")
        for file in (temporary / _TENSORS, temporary / _FACTS):
            _sync(file)
        old = _old(folder)
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
        _sync(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:  # safetensors has a type of its own for a full disk
        shutil.rmtree(temporary, ignore_errors=True)  # which would stay full of it
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise CheckpointError(
            f"cannot write checkpoint {folder}: {reason}; make room or give another --out"
        ) from error


def drop(folder: Path) -> None:
    """Remove a checkpoint, if there is one."""
    for each in (folder, _old(folder)):
        shutil.rmtree(each, ignore_errors=True)


def exists(folder: Path) -> bool:
    """Whether a checkpoint can be loaded from here (also one whose replacement was cut off)."""
    return _located(folder) is not None


def load_facts(folder: Path) -> dict[str, Any]:
    """The JSON part of a checkpoint.

    Raises:
        CheckpointError: there is none, or it is damaged or of another format.
    """
    found = _located(folder)
    if found is None:
        raise CheckpointError(f"no checkpoint at {folder}")
    try:
        facts = json.loads((found / _FACTS).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"checkpoint {folder} is damaged: {error}") from None
    version = facts.get("format_version") if isinstance(facts, dict) else None
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"checkpoint {folder} has format {version}, this pspmodel reads {FORMAT_VERSION}"
        )
    return dict(facts)


def load_tensors(
    folder: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    average: nn.Module | None = None,
) -> None:
    """Load what training goes on from: weights, the optimiser's state and averaged weights.

    Raises:
        CheckpointError: the file is damaged or holds another network.
    """
    tensors = _tensors(folder)
    _load(model, tensors, _MODEL, folder)
    if average is not None:
        _load(average, tensors, _AVERAGE, folder)
    if optimizer is not None:
        _load_optimizer(optimizer, tensors, folder)


def load_predicting(folder: Path, model: nn.Module) -> None:
    """Load the weights that predict: the averaged ones if there are any.

    Raises:
        CheckpointError: the file is damaged or holds another network.
    """
    tensors = _tensors(folder)
    averaged = any(name.startswith(_AVERAGE) for name in tensors)
    _load(model, tensors, _AVERAGE if averaged else _MODEL, folder)


def _tensors(folder: Path) -> dict[str, Tensor]:
    found = _located(folder)
    if found is None:
        raise CheckpointError(f"no checkpoint at {folder}")
    try:
        return load_file(found / _TENSORS)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"checkpoint {folder} is damaged: {error}") from None


def _load(model: nn.Module, tensors: dict[str, Tensor], prefix: str, folder: Path) -> None:
    state = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise CheckpointError(f"checkpoint {folder} holds another network: {reason}") from None


def _located(folder: Path) -> Path | None:
    # Between the two renames of `save` only the old folder stands: it is whole.
    for candidate in (folder, _old(folder)):
        if (candidate / _FACTS).is_file() and (candidate / _TENSORS).is_file():
            return candidate
    return None


def _old(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.old")


def _optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    return {
        f"optimizer.{index}.{key}": value
        for index, state in optimizer.state_dict()["state"].items()
        for key, value in state.items()
        if isinstance(value, Tensor)
    }


def _load_optimizer(
    optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], folder: Path
) -> None:
    content = optimizer.state_dict()
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith("optimizer."):
            _, index, key = name.split(".", 2)
            state.setdefault(int(index), {})[key] = tensor
    count = sum(len(group["params"]) for group in content["param_groups"])
    if any(index >= count for index in state):
        raise CheckpointError(
            f"checkpoint {folder} has optimiser state for more than {count} tensors"
        )
    optimizer.load_state_dict({"state": state, "param_groups": content["param_groups"]})


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
