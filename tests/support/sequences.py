"""Comparing what parsers make of a file, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from skeldata import ParseError, RawSequence
from skeldata.errors import SkeldataError

Result = TypeVar("Result")


def attempt(step: Callable[..., Result], *arguments: object) -> Result | SkeldataError:
    """What a step returns, or the error by which it refuses; any other error is raised."""
    try:
        return step(*arguments)
    except SkeldataError as refusal:
        return refusal


def agrees(fast: RawSequence | None, plain: RawSequence | ParseError) -> bool:
    """Whether a fast parser left a file to the plain one, or read exactly what that one reads."""
    if fast is None:
        return True
    return isinstance(plain, RawSequence) and facts(fast) == facts(plain)


def facts(sequence: RawSequence) -> tuple[object, ...]:
    """Everything a sequence holds, as values that compare equal only if every bit is."""
    return (
        sequence.frame_count,
        sequence.stated_name,
        sequence.stated_label,
        *(
            (
                body.body_id,
                body.frame_index.dtype,
                body.frame_index.tolist(),
                body.xyz.dtype,
                body.xyz.shape,
                body.xyz.tobytes(),
            )
            for body in sequence.bodies
        ),
    )
