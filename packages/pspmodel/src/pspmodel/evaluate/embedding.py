"""Features in a plane: t-SNE, seeded, of chosen classes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from pspmodel.errors import MissingExtraError, UsageError

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


def chosen_classes(classes: Sequence[str], wanted: str | None, present: Sequence[int]) -> list[int]:
    """Labels to draw.

    Args:
        classes: all names in label order.
        wanted: names or 1-based numbers separated by commas; ``all``; None takes all that are
            present, or `DEFAULT_CLASSES` of them evenly spaced in label order where there are many.
            So the choice never depends on results.
        present: labels that occur, sorted.

    Raises:
        UsageError: a name or number is not a class.

    >>> chosen_classes(["throw", "carry", "sit down"], "carry,1", [0, 1, 2])
    [0, 1]
    >>> chosen_classes(["throw", "carry", "sit down"], None, [0, 2])
    [0, 2]
    """
    if wanted == "all" or (wanted is None and len(present) <= ALL_CLASSES):
        return list(present)
    if wanted is None:
        spaced = np.linspace(0, len(present) - 1, DEFAULT_CLASSES).round()
        return [present[int(place)] for place in spaced]
    found = set()
    for text in (part.strip() for part in wanted.split(",")):
        if text in classes:
            found.add(classes.index(text))
        elif text.isdecimal() and 1 <= int(text) <= len(classes):
            found.add(int(text) - 1)
        else:
            raise UsageError(
                f"--classes: {text!r} is not a class; use numbers 1 to {len(classes)}, "
                f"names such as {classes[0]!r}, or all"
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
