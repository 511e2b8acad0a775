"""Features in a plane: t-SNE, seeded, of chosen classes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from pspmodel.errors import MissingExtraError, UsageError
from skeldata import Dataset

_ACTION = re.compile(r"[aA]?([0-9]{1,3})", re.ASCII)

DEFAULT_CLASSES = 10
"""Classes drawn when none are named and there are more than `ALL_CLASSES`."""

ALL_CLASSES = 20


def require_scikit_learn(what: str) -> None:
    """Say how to get scikit-learn before any work is done.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import_module("sklearn.manifold")
    except ImportError:
        raise MissingExtraError(
            f"{what} needs scikit-learn; install it with: pip install 'pspmodel[analysis]'"
        ) from None


def tsne(
    features: NDArray[np.float32], *, seed: int = 0, perplexity: float = 30.0
) -> NDArray[np.float32]:
    """t-SNE of features (n, C) into (n, 2), from their principal components; the same every time.

    Args:
        features: at least three rows.
        seed: of scikit-learn's generator.
        perplexity: lowered to (n - 1) / 3 when that is less.

    Raises:
        MissingExtraError: scikit-learn is not installed.
        UsageError: fewer than three rows.
    """
    require_scikit_learn("t-SNE")
    if len(features) < 3:
        raise UsageError(f"t-SNE needs at least 3 clips, not {len(features)}")
    model = import_module("sklearn.manifold").TSNE(
        n_components=2,
        init="pca",
        perplexity=min(perplexity, (len(features) - 1) / 3),
        random_state=seed,
    )
    return np.asarray(model.fit_transform(features), dtype=np.float32)


def class_titles(dataset: Dataset) -> tuple[str, ...]:
    """Classes as legends have them, in label order: the action id of sample names, and the name.

    >>> from skeldata import get_dataset
    >>> class_titles(get_dataset("ntu60"))[42], class_titles(get_dataset("nw-ucla"))[6]
    ('A043 falling', 'a08 donning')
    """
    codes = (f"A{a:03}" if dataset.family == "ntu" else f"a{a:02}" for a in dataset.labels)
    return tuple(f"{code} {dataset.classes[label]}" for code, label in zip(
        codes, dataset.labels.values(), strict=True,
    ))  # fmt: skip


def chosen_classes(dataset: Dataset, wanted: str | None, present: Sequence[int]) -> list[int]:
    """Labels to draw.

    Args:
        dataset: whose classes.
        wanted: names or action ids of sample names (``A043``, ``a08``, or the bare number), separated
            by commas; ``all``; None takes all that are present, or `DEFAULT_CLASSES` of them evenly
            spaced in label order where there are many. So the choice never depends on results.
        present: labels that occur, sorted.

    Raises:
        UsageError: a name or action id is not of the dataset.

    >>> from skeldata import get_dataset
    >>> chosen_classes(get_dataset("nw-ucla"), "carry,a08,1", [0, 1, 2])
    [0, 6, 9]
    >>> chosen_classes(get_dataset("nw-ucla"), None, [0, 2])
    [0, 2]
    """
    classes = dataset.classes
    if wanted == "all" or (wanted is None and len(present) <= ALL_CLASSES):
        return list(present)
    if wanted is None:
        spaced = np.linspace(0, len(present) - 1, DEFAULT_CLASSES).round()
        return [present[int(place)] for place in spaced]
    found = set()
    for text in (part.strip() for part in wanted.split(",")):
        if text in classes:
            found.add(classes.index(text))
        elif (action := _ACTION.fullmatch(text)) and int(action[1]) in dataset.labels:
            found.add(dataset.labels[int(action[1])])
        else:
            code, _, name = class_titles(dataset)[-1].partition(" ")
            raise UsageError(
                f"--classes: {text!r} is no class of {dataset.id}; use action ids as in sample names, "
                f"e.g. {code}, names such as {name!r}, or all"
            )
    return sorted(found)


def thinned(
    rows: NDArray[np.int64], labels: NDArray[np.int64], limit: int, seed: int
) -> NDArray[np.int64]:
    """At most about ``limit`` of the rows, the same share of every class, drawn by seed.

    Args:
        rows: (n,) store rows.
        labels: (n,) of these rows.
        limit: how many to keep in all; each class keeps at least one.
        seed: of the draw.

    Returns:
        Sorted rows.
    """
    if len(rows) <= limit:
        return np.sort(rows)
    generator = np.random.default_rng(seed)
    kept = []
    for label in np.unique(labels):
        of_class = rows[labels == label]
        count = max(1, len(of_class) * limit // len(rows))
        kept.append(generator.permutation(of_class)[:count])
    return np.sort(np.concatenate(kept))
