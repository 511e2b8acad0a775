"""Which weights a number is of: the three selections that are always kept apart."""

from __future__ import annotations

from collections.abc import Mapping

RULES: Mapping[str, str] = {
    "last": "the weights after the last step",
    "held_out_best": "the evaluation with the best accuracy on held-out training subjects",
    "test_oracle": "the evaluation with the best accuracy on the test set itself: an oracle",
}

WITHOUT_COPIES = "last_without_copies"

WORDS: Mapping[str, str] = {
    **RULES,
    WITHOUT_COPIES: "the weights after the last step, on the test clips that are no training clips under "
    "another name",
}
"""The rules, and what is no selection but a choice of clips."""

SHORT: Mapping[str, str] = {
    "last": "last step",
    "held_out_best": "best on held-out",
    "test_oracle": "best on test (oracle)",
    WITHOUT_COPIES: "last step, without copies",
}
"""The same, in the words of tables."""


def percent(value: float | None) -> str:
    """A fraction as tables show it.

    >>> percent(0.5149), percent(None)
    ('51.5 %', '–')
    """
    return "–" if value is None else f"{100 * value:.1f} %"
