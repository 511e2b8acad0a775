"""PSP written a second time, literally from its equations, in float64 and with plain loops.

It reads a network's state_dict by name and shares no code with the package. Axes: P persons, C
channels, T frames, V joints, S heads. The one convention taken from the package is how channels
are laid out: head by head, and within a head queries, then keys, then values.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from skeldata import Layout

State = Mapping[str, Tensor]

PUBLISHED = {("part", "body"): 0.2, ("joint", "part"): 0.12, ("joint", "body"): 0.24}
UNEXPANDED = dict.fromkeys(PUBLISHED, 0.0)


@dataclass
class OraclePSP:
    """The network of one state_dict.

    ``coefficients`` maps (finer level, coarser level) to lambda, alpha and beta; ``training``
    chooses between batch and running statistics.
    """

    state: State
    layout: Layout
    strides: Sequence[int]
    heads: int
    body_from: str = "parts"
    scale: str = "full"
    coefficients: Mapping[tuple[str, str], float] = field(default_factory=lambda: PUBLISHED)
    levels: Sequence[str] = ("joint", "part", "body")
    temporal: str = "convolution"
    weights: str = "shared-over-time"
    classifier: str = "shared"
    projections: str = "shared"
    training: bool = True

    # ---- layers ---------------------------------------------------------------------------

    def conv(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight, bias = self.state[f"{name}.weight"], self.state[f"{name}.bias"]
        taps, frames = weight.shape[2], x.shape[2]
        pad = taps // 2
        columns = []
        for start in range(0, frames, stride):
            total = bias[None, :, None]
            for tap in range(taps):
                frame = start + tap - pad
                if 0 <= frame < frames:
                    total = total + torch.einsum(
                        "oc,pcv->pov", weight[:, :, tap, 0], x[:, :, frame]
                    )
            columns.append(total.expand(x.shape[0], -1, x.shape[3]))
        return torch.stack(columns, dim=2)

    def norm(self, name: str, x: Tensor) -> Tensor:
        if self.training:
            mean = x.mean((0, 2, 3))
            variance = ((x - mean[None, :, None, None]) ** 2).mean((0, 2, 3))
        else:
            mean, variance = self.state[f"{name}.running_mean"], self.state[f"{name}.running_var"]
        unit = (x - mean[None, :, None, None]) / torch.sqrt(variance + 1e-5)[None, :, None, None]
        weight, bias = self.state[f"{name}.weight"], self.state[f"{name}.bias"]
        return unit * weight[None, :, None, None] + bias[None, :, None, None]

    def conv_norm(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        return self.norm(f"{name}.1", self.conv(f"{name}.0", x, stride))

    def skip(self, name: str, x: Tensor, stride: int = 1) -> Tensor:
        return self.conv_norm(name, x, stride) if f"{name}.0.weight" in self.state else x

    def linear(self, name: str, x: Tensor) -> Tensor:
        return x @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]

    # ---- encoder --------------------------------------------------------------------------

    def block(self, name: str, x: Tensor, stride: int) -> Tensor:
        persons, channels, frames, joints = x.shape
        code = x.new_zeros(channels, joints)
        for c in range(channels):
            for v in range(joints):
                angle = v * 10000 ** (-2 * (c // 2) / channels)
                code[c, v] = math.sin(angle) if c % 2 == 0 else math.cos(angle)
        query_key = self.conv(f"{name}.query_key", x + code[None, :, None])
        embed = query_key.shape[1] // (2 * self.heads)
        query_key = query_key.reshape(persons, self.heads, 2, embed, frames, joints)
        mixed = []
        for s in range(self.heads):
            query, key = query_key[:, s, 0], query_key[:, s, 1]
            dots = torch.einsum("pctu,pctv->puv", query, key) / (embed * frames)
            attention = (
                self.state[f"{name}.gain"][s] * torch.tanh(dots)
                + self.state[f"{name}.global_map"][s]
            )
            mixed.append(torch.einsum("pctu,puv->pctv", x, attention))
        y = self.conv_norm(f"{name}.spatial", torch.cat(mixed, dim=1))
        y = leaky(self.skip(f"{name}.skip_spatial", x) + y)
        y = leaky(
            self.skip(f"{name}.skip_feed_forward", x) + self.conv_norm(f"{name}.feed_forward", y)
        )
        if self.temporal == "attention":
            return self.frame_attention(f"{name}.temporal", y, stride)
        z = self.conv_norm(f"{name}.temporal", y, stride)
        return leaky(self.skip(f"{name}.skip_temporal", y, stride) + z)

    def frame_attention(self, name: str, x: Tensor, stride: int) -> Tensor:
        """All frames are mixed, then the projection strides."""
        persons, channels, frames, joints = x.shape
        code = x.new_zeros(channels, frames)
        for c in range(channels):
            for t in range(frames):
                angle = t * 10000 ** (-2 * (c // 2) / channels)
                code[c, t] = math.sin(angle) if c % 2 == 0 else math.cos(angle)
        query_key = self.conv(f"{name}.query_key", x + code[None, :, :, None])
        embed = query_key.shape[1] // (2 * self.heads)
        query_key = query_key.reshape(persons, self.heads, 2, embed, frames, joints)
        mixed = []
        for s in range(self.heads):
            query, key = query_key[:, s, 0], query_key[:, s, 1]
            dots = torch.einsum("pctv,pcuv->ptu", query, key) / (embed * joints)
            attention = self.state[f"{name}.gain"][s] * torch.tanh(dots)
            mixed.append(torch.einsum("pctv,ptu->pcuv", x, attention))
        y = self.conv_norm(f"{name}.output", torch.cat(mixed, dim=1), stride)
        y = leaky(self.skip(f"{name}.skip_output", x, stride) + y)
        z = self.conv_norm(f"{name}.feed_forward", y)
        return leaky(self.skip(f"{name}.skip_feed_forward", x, stride) + z)

    def encoder(self, x: Tensor) -> Tensor:
        y = leaky(self.conv_norm("encoder.input", x))
        for index, stride in enumerate(self.strides):
            y = self.block(f"encoder.blocks.{index}", y, stride)
        return y

    # ---- pyramid --------------------------------------------------------------------------

    def pyramid(self, joint: Tensor) -> dict[str, Tensor]:
        parts = [mean([joint[..., v] for v in part]) for part in self.layout.parts]
        bodies = []
        for number, body in enumerate(self.layout.bodies):
            if self.body_from == "joints":
                members = [joint[..., v] for v in body]
            else:
                owners = enumerate(self.layout.part_to_body)
                members = [parts[part] for part, owner in owners if owner == number]
            bodies.append(mean(members))
        return {"joint": joint, "part": torch.stack(parts, -1), "body": torch.stack(bodies, -1)}

    # ---- pyramid polymerising attention ---------------------------------------------------

    def owner(self, fine: str, coarse: str) -> list[int]:
        """phi of two levels, found by looking for members, not read from the layout's tables."""
        groups = {
            "joint": [(v,) for v in range(self.layout.joint_count)],
            "part": self.layout.parts,
            "body": self.layout.bodies,
        }
        return [
            next(g for g, group in enumerate(groups[coarse]) if set(member) <= set(group))
            for member in groups[fine]
        ]

    def raw_map(self, level: str, x: Tensor) -> tuple[Tensor, Tensor | None]:
        persons, channels, frames, nodes = x.shape
        embed = channels // self.heads
        name = f"ppa.attention.{level}.inputs"
        if self.weights == "full":
            # Rows and columns of W are a frame's channels, frame by frame.
            columns = torch.cat([x[:, :, t] for t in range(frames)], dim=1)  # (P, T C, n)
            w, b = self.state[f"{name}.linear.weight"], self.state[f"{name}.linear.bias"]
            product = torch.einsum("oi,pin->pon", w, columns) + b[None, :, None]
            inputs = torch.stack(product.chunk(frames, dim=1), dim=2)
        else:
            inputs = self.conv(name, x)
        inputs = inputs.reshape(persons, self.heads, -1, embed, frames, nodes)
        scale = embed * frames if self.scale == "full" else math.sqrt(embed * frames)
        maps = torch.tanh(
            torch.einsum("psctu,psctv->psuv", inputs[:, :, 0], inputs[:, :, 1]) / scale
        )
        return maps, inputs[:, :, 2] if inputs.shape[2] == 3 else None

    def attend(self, features: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Attention maps and attended features of each level."""
        seen = [
            level
            for level in features
            if any(name.startswith(f"ppa.attention.{level}.") for name in self.state)
        ]
        raw = {level: self.raw_map(level, features[level]) for level in seen}
        maps, attended = {}, {}
        for level in self.levels:
            maps[level] = raw[level][0]
            for (fine, coarse), coefficient in self.coefficients.items():
                if fine == level and coefficient != 0:
                    expanded = expand_loops(raw[coarse][0], self.owner(fine, coarse))
                    maps[level] = maps[level] + coefficient * expanded
            out = torch.einsum("psuv,psctv->psctu", maps[level], raw[level][1])
            out = out.reshape(features[level].shape)
            y = self.conv_norm(f"ppa.attention.{level}.output", out)
            attended[level] = leaky(features[level] + y)
        return maps, attended

    # ---- heads ----------------------------------------------------------------------------

    def clip_mean(self, x: Tensor, clip_index: Tensor, clips: int) -> Tensor:
        pooled = x.mean((2, 3))
        rows = []
        for clip in range(clips):
            persons = [pooled[p] for p in range(len(pooled)) if clip_index[p] == clip]
            rows.append(mean(persons))
        return torch.stack(rows)

    def classify(
        self, features: Tensor, clip_index: Tensor, clips: int, *, stream: str = ""
    ) -> Tensor:
        name = f"classifier.{stream}" if self.classifier == "per-stream" else "classifier"
        return self.linear(name, self.clip_mean(features, clip_index, clips))

    def embed(
        self, features: Tensor, clip_index: Tensor, clips: int, *, stream: str = ""
    ) -> dict[str, Tensor]:
        embedded = {}
        for level, x in self.attend(self.pyramid(features))[1].items():
            name = {
                "shared": "projection",
                "per-level": f"projection.{level}",
                "per-stream": f"projection.{stream}",
                "per-level-and-stream": f"projection.{level}_{stream}",
            }[self.projections]
            pooled = self.clip_mean(x, clip_index, clips)
            hidden = torch.relu(self.linear(f"{name}.layers.0", pooled))
            embedded[level] = self.linear(f"{name}.layers.2", hidden)
        return embedded


def mean(tensors: Sequence[Tensor]) -> Tensor:
    total = torch.zeros_like(tensors[0])
    for tensor in tensors:
        total = total + tensor
    return total / len(tensors)


def leaky(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.1 * x)


def expand_loops(coarse: Tensor, owner: Sequence[int]) -> Tensor:
    """E(A; phi)[i, j] = A[phi(i), phi(j)], entry by entry."""
    rows = [
        torch.stack([coarse[..., owner[i], owner[j]] for j in range(len(owner))], dim=-1)
        for i in range(len(owner))
    ]
    return torch.stack(rows, dim=-2)


def nt_xent_loops(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """NT-Xent anchor by anchor, in float64."""
    rows = [*first.double(), *second.double()]
    clips = len(first)
    total = torch.zeros((), dtype=torch.float64)
    for i, anchor in enumerate(rows):
        terms = []
        for k, other in enumerate(rows):
            cosine = (anchor @ other) / (anchor.norm() * other.norm())
            if k != i:
                terms.append(cosine / temperature)
            if k == (i + clips) % (2 * clips):
                positive = cosine / temperature
        total = total + torch.logsumexp(torch.stack(terms), 0) - positive
    return total / (2 * clips)


def leaves(network: torch.nn.Module) -> dict[str, Tensor]:
    """The network's state in float64, its parameters as new leaves that collect gradients."""
    parameters = {name for name, _ in network.named_parameters()}
    return {
        name: value.detach().double().clone().requires_grad_(name in parameters)
        for name, value in network.state_dict().items()
    }


def scramble(network: torch.nn.Module, seed: int = 0) -> None:
    """Move everything that starts as a constant (norms, gains, maps, statistics) off it."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point() and (value.ndim < 2 or "gain" in name or "_map" in name):
                noise = torch.rand(value.shape, generator=generator, dtype=torch.float64)
                value += (0.5 * noise - (0.1 if "var" in name else 0.25)).to(value)
