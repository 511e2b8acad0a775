"""Rows of absent persons: encoded once, and counted as often as they stand in the batch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pspmodel.nn.empty_rows import encode_together
from pspmodel.nn.norm import BatchNorm2d, sample_weights


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 1), BatchNorm2d(4), nn.Tanh(), nn.Conv2d(4, 5, 1), BatchNorm2d(5)
    ).double()


def counted(encoder: nn.Module, seen: list[int]):
    def encode(rows: Tensor, weights: Tensor | None) -> Tensor:
        seen.append(len(rows))
        with sample_weights(weights):
            y: Tensor = encoder(rows)
        return y

    return encode


def with_empty(rows: int, empty: list[int], parts: int) -> list[Tensor]:
    torch.manual_seed(1)
    made = torch.randn(parts, rows, 3, 4, 2, dtype=torch.float64)
    made[:, empty] = 0
    return list(made)


@given(data=st.data(), parts=st.integers(1, 3), rows=st.integers(2, 7))
@settings(deadline=None, max_examples=60)
def test_features_statistics_and_gradients_are_those_of_all_rows(
    data: st.DataObject, parts: int, rows: int
) -> None:
    empty = sorted(data.draw(st.sets(st.integers(0, rows - 1), max_size=rows)))
    weights = torch.ones(rows, dtype=torch.float64)
    for row in empty:
        weights[row] = data.draw(st.sampled_from([1.0, 2.0, 5.0]))
    streams = with_empty(rows, empty, parts)
    found = []
    for told in ((), tuple(empty)):
        encoder, seen = network(), []
        inputs = [x.clone().requires_grad_() for x in streams]
        encoded = encode_together(inputs, weights, told, counted(encoder, seen))
        assert [len(y) for y in encoded] == [rows] * parts
        spare = max(0, len(told) * parts - 1)
        assert seen == [rows * parts - spare]
        sum((y * y.detach().cos()).sum() for y in encoded).backward()
        found.append([*encoded, *(p.grad for p in encoder.parameters()), *encoder.buffers()])
    for merged, whole in zip(*reversed(found), strict=True):
        torch.testing.assert_close(merged, whole, rtol=1e-9, atol=1e-9)


def test_without_weights_each_row_counts_once() -> None:
    streams = with_empty(5, [1, 4], 2)
    found = []
    for told in ((), (1, 4)):
        encoder = network()
        found.append(encode_together(streams, None, told, counted(encoder, [])))
    for merged, whole in zip(*found, strict=True):
        torch.testing.assert_close(merged, whole)


@pytest.mark.parametrize("empty", [(0,), (4,), (0, 1, 2, 3, 4)])
def test_they_may_stand_anywhere(empty: tuple[int, ...]) -> None:
    streams, seen = with_empty(5, list(empty), 2), []
    encoder = network().eval()
    encoded = encode_together(streams, None, empty, counted(encoder, seen))
    assert seen == [10 - 2 * len(empty) + 1]
    for part, x in zip(encoded, streams, strict=True):
        torch.testing.assert_close(part, encoder(x))
