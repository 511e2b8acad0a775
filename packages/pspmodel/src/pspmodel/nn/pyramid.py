"""The skeleton pyramid: joint features averaged into ten parts and five bodies."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pspmodel.errors import UsageError
from pspmodel.nn.nodes import from_node_rows, node_rows
from skeldata import Layout

BodyFrom = Literal["parts", "joints"]


class SkeletonPyramid(nn.Module):
    """Average joint features within each part and each body.

    Args:
        layout: says which joints make a part and a body.
        body_from: ``parts`` takes a body as the mean of its part nodes (paper), ``joints`` as the
            mean of its joints (released code). They differ where parts are of unequal size: only
            the torso of the 25-joint layout.

    Raises:
        UsageError: ``body_from`` is neither.
    """

    averages: Tensor

    def __init__(self, layout: Layout, body_from: BodyFrom = "parts") -> None:
        super().__init__()
        if body_from not in get_args(BodyFrom):
            known = ", ".join(get_args(BodyFrom))
            raise UsageError(f"body_from is {body_from!r}; use one of: {known}")
        part = averaging(layout.joint_to_part)
        if body_from == "parts":
            body = part @ averaging(np.asarray(layout.part_to_body))
        else:
            body = averaging(layout.joint_to_body)
        self.parts = len(layout.parts)
        # float64 whatever the network's precision, so that a network turned to double is exact.
        self.register_buffer("averages", torch.cat((part, body), dim=1), persistent=False)

    def forward(self, joint: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(P, C, T, V) -> joint (P, C, T, V), part (P, C, T, 10) and body (P, C, T, 5)."""
        rows = node_rows(joint)
        averages = self.averages.mT.to(joint.dtype).expand(len(rows), -1, -1)
        groups = from_node_rows(torch.bmm(averages, rows), joint.shape[2])
        return joint, groups[..., : self.parts], groups[..., self.parts :]


def averaging(owner: NDArray[np.int64]) -> Tensor:
    """Matrix whose columns average the members of each group: (members, groups) float64.

    >>> averaging(np.array([0, 1, 1])).tolist()
    [[1.0, 0.0], [0.0, 0.5], [0.0, 0.5]]
    """
    membership = np.eye(owner.max() + 1)[owner]
    return torch.from_numpy(membership / membership.sum(axis=0))
