"""Comparing what parsers make of a file, bit for bit."""

from __future__ import annotations

from skeldata import RawSequence


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
