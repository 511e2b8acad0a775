"""Test clips that are training clips under another name, and the accuracy without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pspmodel.evaluate.scores import Scores
from skeldata import Store, StoreError, copied_from_training, find_copies

_FOUND: dict[str, tuple[tuple[str, ...], ...]] = {}
"""Copies by the content digest of their store: the runs of a sweep need not look again."""


def without_copies(
    store: Store, protocol: str, names: Sequence[str], scores: Scores | None
) -> dict[str, Any]:
    """Count the copies, and measure top-1 without them.

    Args:
        store: the run's.
        protocol: what divides it.
        names: of the test clips.
        scores: on them; None where there are none yet.

    Returns:
        ``copies``, how many test clips hold the same recording as a training clip; ``others``, how many
        do not; ``top1`` on those, a fraction. None where it is not known: there are no scores yet, or a
        block of the store is damaged, which must not cost a run its report.
    """
    unknown = {"copies": None, "others": None, "top1": None}
    if scores is None:
        return unknown
    digest = store.content_digest
    if digest not in _FOUND:
        try:
            _FOUND[digest] = find_copies(store)
        except StoreError:
            return unknown
    copied = copied_from_training(store, protocol, _FOUND[digest])
    others = np.array([name not in copied for name in names])
    top1 = None
    if others.any():
        top1 = Scores(scores.logits[others], scores.labels[others]).top(1)
    return {"copies": len(copied), "others": int(others.sum()), "top1": top1}


def copies_told(content: Mapping[str, Any]) -> str:
    """How many copies there are, in words; empty where there are none."""
    if not content.get("copies"):
        return ""
    copies, total = content["copies"], content["copies"] + content["others"]
    return f"{copies:,} of the {total:,} test clips are training clips under another name"


def told(content: Mapping[str, Any], whose: str) -> str:
    """The same and the accuracy on the others, ``whose`` being what it is called."""
    known = copies_told(content)
    if not known or content["top1"] is None:
        return known
    return f"{known}; {whose} on the other {content['others']:,}: {100 * content['top1']:.1f} %"
