"""Loss terms between two looks at them, and the file that keeps all measurements of a run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from pspmodel.errors import NonFiniteLossError


class LossWindow:
    """Collects loss terms on the device; reading them is the only moment the host waits."""

    def __init__(self) -> None:
        self._first_step = 0
        self._names: tuple[str, ...] = ()
        self._values: list[Tensor] = []

    def add(self, step: int, terms: Mapping[str, Tensor]) -> None:
        """Remember the terms of a step."""
        if not self._values:
            self._first_step, self._names = step, tuple(terms)
        self._values.append(torch.stack([term.detach().float() for term in terms.values()]))

    def take(self) -> dict[str, float]:
        """Mean of each term since the last call; empties the window.

        Raises:
            NonFiniteLossError: a term was not finite; names the first step and term.
        """
        if not self._values:
            return {}
        values = torch.stack(self._values).cpu()
        self._values = []
        for step, row in enumerate(values.tolist(), self._first_step):
            for name, value in zip(self._names, row, strict=True):
                if not math.isfinite(value):
                    raise NonFiniteLossError(step, name, value)
        return dict(zip(self._names, values.mean(dim=0).tolist(), strict=True))


class MetricsFile:
    """``metrics.jsonl``: one JSON object a line, each with the number of steps done."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, content: Mapping[str, Any]) -> None:
        """Write one line."""
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(json.dumps(dict(content)) + "\n")

    def cut_behind(self, step: int) -> None:
        """Drop lines of steps that a resumed run will do again, and a torn last line."""
        kept = [line for line in self.read() if line["step"] <= step]
        temporary = self.path.with_name(f".{self.path.name}.writing")
        temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), "utf-8")
        temporary.replace(self.path)

    def read(self) -> list[dict[str, Any]]:
        """All whole lines."""
        if not self.path.exists():
            return []
        lines = []
        for text in self.path.read_text("utf-8").splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:
                break
        return lines
