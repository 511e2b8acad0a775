"""JSON as manifests are written, one key a line, and read, with the line of what is wrong."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from skeldata.errors import ManifestError
from skeldata.splits.listing import Finding

ModelT = TypeVar("ModelT", bound=BaseModel)


class StrictModel(BaseModel):
    """Exact types, no unknown keys, no changes."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def json_lines(content: dict[str, Any]) -> bytes:
    """JSON with one key a line, and one entry a line in a list of objects: it diffs well."""
    lines = []
    for key, value in content.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = ",\n".join(f"    {_compact(row)}" for row in value)
            lines.append(f"  {_compact(key)}: [\n{rows}\n  ]")
        else:
            lines.append(f"  {_compact(key)}: {_compact(value)}")
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, or `ManifestError` with file and line."""
    try:
        text = path.read_bytes().decode("utf-8")
        content = json.loads(text, object_pairs_hook=_unequal_keys)
    except OSError as error:
        raise ManifestError(f"{path}: cannot read the manifest: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path}: not UTF-8 text: {error.reason}") from error
    except json.JSONDecodeError as error:
        raise Finding(str(path), f"not JSON: {error.msg}", error.lineno).error() from error
    except (ValueError, RecursionError) as error:  # keys twice, numbers or nesting beyond limits
        raise ManifestError(f"{path}: not JSON of a manifest: {error}") from error
    if not isinstance(content, dict):
        raise ManifestError(f"{path}: not a split manifest: the JSON is no object")
    return content


def _unequal_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs; of two values under one key readers would choose differently."""
    content = dict(pairs)
    if len(content) < len(pairs):
        twice = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"key {twice!r} stands there more than once; keep one")
    return content


def parse_model(model: type[ModelT], content: dict[str, Any], path: Path) -> ModelT:
    """Check a JSON object against a model, or raise `ManifestError` naming the line at fault."""
    try:
        return model.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        cause = first.get("ctx", {}).get("error")
        problem = str(cause) if isinstance(cause, ValueError) else first["msg"]
        where = "".join(f"{part}." for part in first["loc"])[:-1]
        line = _line_of(path, content, first["loc"])
        fault = Finding(str(path), f"{where}: {problem}" if where else problem, line)
        raise fault.error() from error


def _line_of(path: Path, content: dict[str, Any], loc: tuple[int | str, ...]) -> int | None:
    """Line of the faulty key, or of the faulty row in a list of objects, where one shows it."""
    key, place = (*loc, "", "")[:2]
    value = content.get(str(key))
    row = value[place] if isinstance(value, list) and isinstance(place, int) else None
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        stripped = line.strip()
        if isinstance(row, dict):
            found = stripped.startswith("{") and stripped.rstrip(",") == _compact(row)
        else:
            found = stripped.startswith(f'"{key}":')
        if found:
            return number
    return None
