"""The released recipe of PSP, written plainly: what `pspmodel bench` measures ours against.

Written from a description of the released code, not copied from it, and meant to be read beside
the paper, not to be fast: every body of every clip goes through everything, absent ones as zeros;
maps are expanded and groups averaged entry by entry; evaluation runs all that training runs.
Axes: N clips, M bodies, C channels, T frames, V joints, S heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pspmodel.nn.dsta import PSP_BLOCKS, TEMPORAL_KERNEL, Block, joint_code
from skeldata import Layout

_SLOPE = 0.1

Added = tuple[float, float, float]
"""Lambda, alpha and beta."""


@dataclass(frozen=True, eq=False)
class Dense:
    """Clips as the released code holds them.

    Attributes:
        joint: (N, 3, T, V, M) coordinates; an absent body is all zeros.
        motion: (N, 3, T, V, M), next frame minus this one.
    """

    joint: Tensor
    motion: Tensor


class PlainBlock(nn.Module):
    """One encoder block."""

    code: Tensor

    def __init__(self, block: Block, joints: int, heads: int) -> None:
        super().__init__()
        channels_in, channels_out, embed, stride = block
        self.heads, self.embed = heads, embed
        self.register_buffer("code", joint_code(channels_in, joints), persistent=False)
        self.query_key = nn.Conv2d(channels_in, 2 * heads * embed, 1)
        self.gain = nn.Parameter(torch.ones(heads, 1, 1))
        self.global_map = nn.Parameter(torch.full((heads, joints, joints), 1 / joints))
        self.spatial = _conv_norm(heads * channels_in, channels_out)
        self.feed_forward = _conv_norm(channels_out, channels_out)
        self.temporal = _conv_norm(channels_out, channels_out, TEMPORAL_KERNEL, stride)
        same = channels_in == channels_out and stride == 1
        self.skip_spatial = nn.Identity() if same else _conv_norm(channels_in, channels_out)
        self.skip_feed_forward = nn.Identity() if same else _conv_norm(channels_in, channels_out)
        self.skip_temporal = (
            nn.Identity() if same else _conv_norm(channels_out, channels_out, stride=stride)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N M, C_in, T, V) -> (N M, C_out, T', V)."""
        bodies, channels, frames, joints = x.shape
        both = self.query_key(x + self.code.to(x.dtype))
        both = both.view(bodies, 2 * self.heads, self.embed, frames, joints)
        query, key = both.chunk(2, dim=1)
        local = torch.einsum("nsctu,nsctv->nsuv", query, key) / (self.embed * frames)
        attention = torch.tanh(local) * self.gain
        attention = attention + self.global_map.repeat(bodies, 1, 1, 1)
        y = torch.einsum("nctu,nsuv->nsctv", x, attention).contiguous()
        y = y.view(bodies, self.heads * channels, frames, joints)
        y = F.leaky_relu(self.skip_spatial(x) + self.spatial(y), _SLOPE)
        y = F.leaky_relu(self.skip_feed_forward(x) + self.feed_forward(y), _SLOPE)
        return F.leaky_relu(self.skip_temporal(y) + self.temporal(y), _SLOPE)


class PlainEncoder(nn.Module):
    """The encoder: an input map and the blocks."""

    def __init__(self, joints: int, blocks: Sequence[Block], heads: int) -> None:
        super().__init__()
        self.input = _conv_norm(3, blocks[0].channels_in)
        self.blocks = nn.ModuleList(PlainBlock(block, joints, heads) for block in blocks)

    def forward(self, x: Tensor) -> Tensor:
        """(N M, 3, T, V) -> (N M, C, T', V)."""
        y = F.leaky_relu(self.input(x), _SLOPE)
        for block in self.blocks:
            y = block(y)
        return y


class PlainLevel(nn.Module):
    """Attention among the nodes of one level of the pyramid."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.inputs = nn.Conv2d(channels, 3 * channels, 1)
        self.output = _conv_norm(channels, channels)

    def maps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The level's own map (N M, S, n, n), and values (N M, S, C_e, T, n)."""
        bodies, channels, frames, nodes = x.shape
        embed = channels // self.heads
        three = self.inputs(x).view(bodies, 3 * self.heads, embed, frames, nodes)
        query, key, value = three.chunk(3, dim=1)
        dots = torch.einsum("nsctu,nsctv->nsuv", query, key)
        return torch.tanh(dots / (embed * frames)), value

    def attend(self, x: Tensor, attention: Tensor, value: Tensor) -> Tensor:
        """(N M, C, T, n) features after attention."""
        y = torch.einsum("nsuv,nsctv->nsctu", attention, value).contiguous()
        return F.leaky_relu(x + self.output(y.view(x.shape)), _SLOPE)


class PlainPPA(nn.Module):
    """Attention at the three levels, each with the maps of the coarser ones added."""

    def __init__(self, layout: Layout, channels: int, heads: int, added: Added) -> None:
        super().__init__()
        self.layout, self.added = layout, added
        self.attention = nn.ModuleDict(
            {level: PlainLevel(channels, heads) for level in ("body", "part", "joint")}
        )

    def forward(self, joint: Tensor) -> dict[str, Tensor]:
        """(N M, C, T, V) joint features -> attended features of each level."""
        body_level, part_level, joint_level = (
            cast(PlainLevel, level) for level in self.attention.values()
        )
        part = _group_means(joint, self.layout.parts)
        body = _group_means(joint, self.layout.bodies)
        map_body, value_body = body_level.maps(body)
        map_part, value_part = part_level.maps(part)
        map_joint, value_joint = joint_level.maps(joint)

        joint_to_part = self.layout.joint_to_part.tolist()
        joint_to_body = self.layout.joint_to_body.tolist()
        all_part = map_part + self.added[0] * _expanded(map_body, self.layout.part_to_body)
        all_joint = (
            map_joint
            + self.added[1] * _expanded(map_part, joint_to_part)
            + self.added[2] * _expanded(map_body, joint_to_body)
        )
        return {
            "joint": joint_level.attend(joint, all_joint, value_joint),
            "part": part_level.attend(part, all_part, value_part),
            "body": body_level.attend(body, map_body, value_body),
        }


class PlainPSP(nn.Module):
    """The network of the released code with its losses and its evaluation.

    Args:
        layout: joints and groups.
        classes: K.
        blocks, heads: sizes of the encoder.
        part_from_body, joint_from_part, joint_from_body: lambda, alpha, beta.
        contrast_weight, temperature: of the contrast.
    """

    def __init__(
        self,
        layout: Layout,
        classes: int,
        *,
        blocks: Sequence[Block] = PSP_BLOCKS,
        heads: int = 4,
        part_from_body: float = 0.2,
        joint_from_part: float = 0.12,
        joint_from_body: float = 0.24,
        contrast_weight: float = 0.2,
        temperature: float = 0.07,
    ) -> None:
        super().__init__()
        channels = blocks[-1].channels_out
        self.heads = heads
        self.contrast_weight, self.temperature = contrast_weight, temperature
        self.encoder = PlainEncoder(layout.joint_count, blocks, heads)
        self.classifier = nn.Linear(channels, classes)
        added = (part_from_body, joint_from_part, joint_from_body)
        self.ppa = PlainPPA(layout, channels, heads, added)
        self.projection = nn.ModuleDict(
            {
                "layers": nn.Sequential(
                    nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, channels)
                )
            }
        )

    def losses(self, labelled: Dense, labels: Tensor, unlabelled: Dense) -> dict[str, Tensor]:
        """Weighted terms of one step: cross-entropy, and the contrast at three levels."""
        logits, joint, motion = self.everything(labelled, unlabelled)
        terms = {"classification": F.cross_entropy(logits, labels)}
        for level in ("joint", "part", "body"):
            contrast = _info_nce(joint[level], motion[level], self.temperature)
            terms[f"contrast/{level}"] = self.contrast_weight * contrast
        return terms

    def predict(self, clips: Dense) -> Tensor:
        """Logits (N, K); the clips stand in for the unlabelled ones too, whose part is unused."""
        return self.everything(clips, clips)[0]

    def everything(
        self, labelled: Dense, unlabelled: Dense
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
        """Logits of labelled clips; embeddings of unlabelled ones, of joint and of motion."""
        inputs = (labelled.joint, labelled.motion, unlabelled.joint, unlabelled.motion)
        clips, _, frames, joints, bodies = torch.cat(inputs).shape
        x = torch.cat(inputs).permute(0, 4, 1, 2, 3).contiguous()
        features = self.encoder(x.view(clips * bodies, 3, frames, joints))
        sizes = [len(part) * bodies for part in inputs]
        joint, motion, free_joint, free_motion = features.split(sizes)
        logits = self.classifier(_pool(joint, bodies)) + self.classifier(_pool(motion, bodies))
        return logits, self.embed(free_joint, bodies), self.embed(free_motion, bodies)

    def embed(self, joint: Tensor, bodies: int) -> dict[str, Tensor]:
        """Pyramid, attention and projection of one modality: (N, C) a level."""
        return {
            name: self.projection["layers"](_pool(nodes, bodies))
            for name, nodes in self.ppa(joint).items()
        }

    def load(self, state: dict[str, Tensor]) -> None:
        """Take the weights of our network, `pspmodel.nn.PSPNetwork.state_dict`."""
        self.load_state_dict(
            {name: released_order(name, value, self.heads) for name, value in state.items()}
        )


def released_order(name: str, value: Tensor, heads: int) -> Tensor:
    """Reorder channels from ours (each head's queries, keys, values) to all queries first."""
    kinds = {"query_key": 2, "inputs": 3}.get(name.split(".")[-2])
    if kinds is None:
        return value
    return value.reshape(heads, kinds, -1, *value.shape[1:]).transpose(0, 1).flatten(0, 2)


def _conv_norm(channels_in: int, channels_out: int, taps: int = 1, stride: int = 1) -> nn.Module:
    conv = nn.Conv2d(channels_in, channels_out, (taps, 1), (stride, 1), padding=(taps // 2, 0))
    return nn.Sequential(conv, nn.BatchNorm2d(channels_out))


def _pool(features: Tensor, bodies: int) -> Tensor:
    """Mean over bodies, frames and nodes: (N M, C, T, n) -> (N, C)."""
    return features.view(-1, bodies, *features.shape[1:]).mean(dim=(1, 3, 4))


def _group_means(joint: Tensor, groups: Sequence[Sequence[int]]) -> Tensor:
    """(N M, C, T, V) -> (N M, C, T, groups), joint by joint."""
    means = []
    for group in groups:
        total = torch.zeros_like(joint[..., 0])
        for v in group:
            total = total + joint[..., v]
        means.append(total / len(group))
    return torch.stack(means, dim=-1)


def _expanded(coarse: Tensor, owner: Sequence[int]) -> Tensor:
    """A map between groups read between their members, entry by entry."""
    rows = []
    for i in owner:
        rows.append(torch.stack([coarse[:, :, i, j] for j in owner], dim=-1))
    return torch.stack(rows, dim=-2)


def _info_nce(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """NT-Xent over both modalities of the batch."""
    rows = F.normalize(torch.cat((first, second)), dim=1)
    clips = len(first)
    similar = rows @ rows.T / temperature
    itself = torch.eye(2 * clips, dtype=torch.bool, device=rows.device)
    negatives = similar.masked_fill(itself, -torch.inf)
    partner = torch.cat((torch.arange(clips, 2 * clips), torch.arange(clips))).to(rows.device)
    return F.cross_entropy(negatives, partner)
