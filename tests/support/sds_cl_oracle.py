"""SDS-CL written a second time, literally from its equations, in float64 and with plain loops.

It reads state_dicts by name and shares no code with the package. The one convention taken from
the package is how channels are laid out: head by head, and within a head by kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor


def conv(state: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    weight, bias = state[f"{name}.weight"][:, :, 0, 0], state[f"{name}.bias"]
    return torch.einsum("oc,pctv->potv", weight, x) + bias[:, None, None]


def heads_of(x: Tensor, heads: int, kinds: int) -> list[list[Tensor]]:
    """[head][kind] -> (P, C_e, T, V)."""
    depth = x.shape[1] // (heads * kinds)
    parts = list(x.split(depth, dim=1))
    return [parts[kinds * head : kinds * (head + 1)] for head in range(heads)]


def attention_loops(
    state: Mapping[str, Tensor], x1: Tensor, x2: Tensor | None, heads: int, nodes: str
) -> tuple[Tensor, Tensor]:
    """(output, maps) of one attention with batch statistics; ``x2`` is None for intra."""
    if x2 is None:
        parts = heads_of(conv(state, "inputs", x1), heads, 3)
    else:
        queries = heads_of(conv(state, "query", x1), heads, 1)
        others = heads_of(conv(state, "inputs", x2), heads, 2)
        parts = [[*own, *their] for own, their in zip(queries, others, strict=True)]
    persons, _, frames, joints = x1.shape
    outputs, maps = [], []
    for q, k, v in parts:
        depth = q.shape[1]
        count = joints if nodes == "joints" else frames
        attention = torch.zeros(persons, count, count, dtype=q.dtype)
        out = torch.zeros_like(q)
        for a in range(count):
            for b in range(count):
                if nodes == "joints":
                    total = (q[:, :, :, a] * k[:, :, :, b]).sum((1, 2)) / (depth * frames)
                    attention[:, a, b] = torch.tanh(total)
                    out[:, :, :, a] += torch.tanh(total)[:, None, None] * v[:, :, :, b]
                else:
                    total = (q[:, :, a] * k[:, :, b]).sum((1, 2)) / (depth * joints)
                    attention[:, a, b] = torch.tanh(total)
                    out[:, :, a] += torch.tanh(total)[:, None, None] * v[:, :, b]
        outputs.append(out)
        maps.append(attention)
    y = conv(state, "output.0", torch.cat(outputs, dim=1))
    mean = y.mean((0, 2, 3))[:, None, None]
    variance = ((y - mean) ** 2).mean((0, 2, 3))[:, None, None]
    y = (y - mean) / torch.sqrt(variance + 1e-5)
    y = y * state["output.1.weight"][:, None, None] + state["output.1.bias"][:, None, None] + x1
    return torch.where(y > 0, y, 0.1 * y), torch.stack(maps, dim=1)


def cosine(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b) / (a.norm() * b.norm())


def token_contrast_loops(first: Tensor, second: Tensor, tau: float) -> Tensor:
    """Mean over clips and over the 2n anchors of each of -log(positive / all others)."""
    clips, count = first.shape[:2]
    total = first.new_zeros(())
    for clip in range(clips):
        tokens = [*first[clip], *second[clip]]
        for i, anchor in enumerate(tokens):
            positive = (i + count) % (2 * count)
            others = sum(
                torch.exp(cosine(anchor, other) / tau) for k, other in enumerate(tokens) if k != i
            )
            total = total - torch.log(torch.exp(cosine(anchor, tokens[positive]) / tau) / others)
    return total / (2 * count * clips)


def nine_terms(joint: Sequence[Tensor], motion: Sequence[Tensor], tau: float) -> list[Tensor]:
    """Terms from (intra joints, inter joints, intra frames, inter frames, clips) of two streams.

    The order is the released code's list of pairs, first for joints, then for frames, then global.
    """
    terms = []
    for intra, inter in ((0, 1), (2, 3)):
        terms += [
            token_contrast_loops(joint[intra], motion[intra], tau),
            token_contrast_loops(joint[intra], motion[inter], tau),
            token_contrast_loops(motion[intra], joint[inter], tau),
            token_contrast_loops(joint[inter], motion[inter], tau),
        ]
    # Over the batch: the clips are the tokens of one big clip.
    return [*terms, token_contrast_loops(joint[4][None], motion[4][None], tau)]
