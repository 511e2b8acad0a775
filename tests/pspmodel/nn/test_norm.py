"""Batch normalisation that counts samples, against torch on the batch written out in full."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from pspmodel.errors import UsageError
from pspmodel.nn import PolymerisingAttention, SkeletonPyramid, node_mean, person_mean
from pspmodel.nn.dsta import Block, DstaEncoder
from pspmodel.nn.layers import conv_norm
from pspmodel.nn.norm import BatchNorm2d, sample_weights
from skeldata import KINECT25
from support.psp_oracle import scramble

EXACT = {"rtol": 1e-9, "atol": 1e-11}


def pair(channels: int = 3) -> tuple[nn.BatchNorm2d, BatchNorm2d]:
    """The same layer in float64, torch's and ours."""
    theirs, ours = nn.BatchNorm2d(channels).double(), BatchNorm2d(channels).double()
    scramble(theirs)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def normal(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def step(norm: nn.BatchNorm2d, x: Tensor, gradient: Tensor) -> dict[str, Tensor]:
    x = x.clone().requires_grad_()
    y = norm(x)
    y.backward(gradient)
    assert x.grad is not None
    parameters = {name: p.grad for name, p in norm.named_parameters() if p.grad is not None}
    buffers = {name: buffer.clone() for name, buffer in norm.named_buffers()}
    return {"y": y.detach(), "x": x.grad, **parameters, **buffers}


@st.composite
def batches(draw: st.DrawFn) -> tuple[Tensor, Tensor, list[int]]:
    weights = draw(st.lists(st.integers(0, 4), min_size=1, max_size=6).filter(any))
    shape = (len(weights), 3, draw(st.integers(1, 3)), draw(st.integers(2, 4)))
    seed = draw(st.integers(0, 2**31))
    return normal(*shape, seed=seed), normal(*shape, seed=seed + 1), weights


@given(batches())
def test_a_weight_counts_a_sample_as_often(batch: tuple[Tensor, Tensor, list[int]]) -> None:
    x, gradient, weights = batch
    counts = torch.tensor(weights)
    kept = counts > 0
    gradient[~kept] = 0  # nothing looks at what only fills the batch
    owner = torch.arange(len(x)).repeat_interleave(counts)
    theirs, ours = pair()
    # Each copy has its part of what the sample that stands for it is told.
    expected = step(theirs, x[owner], gradient[owner] / counts[owner].view(-1, 1, 1, 1))
    with sample_weights(counts):
        found = step(ours, x, gradient)
    torch.testing.assert_close(found["y"][owner], expected["y"], **EXACT)
    summed = torch.zeros_like(x).index_add(0, owner, expected["x"])
    torch.testing.assert_close(found["x"][kept], summed[kept], **EXACT)
    for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(found[name], expected[name], **EXACT)


def test_derivatives_are_those_of_differences() -> None:
    _, norm = pair()
    x, weights = normal(4, 3, 2, 3).requires_grad_(), torch.tensor([1.0, 3.0, 0.5, 2.0])

    def forward(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        with sample_weights(weights):
            y: Tensor = torch.func.functional_call(norm, {"weight": weight, "bias": bias}, (x,))
        return y

    parameters = (normal(3, seed=1).requires_grad_(), normal(3, seed=2).requires_grad_())
    assert torch.autograd.gradcheck(forward, (x, *parameters))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_alone_and_without_weights_it_is_torch_to_the_bit(dtype: torch.dtype) -> None:
    theirs, ours = (norm.float() for norm in pair())
    if dtype == torch.float64:
        theirs, ours = theirs.double(), ours.double()
    x, gradient = normal(5, 3, 4, 6).to(dtype), normal(5, 3, 4, 6, seed=1).to(dtype)
    expected = step(theirs, x, gradient)
    with sample_weights(None):
        found = step(ours, x, gradient)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("offset", [0, 100])
def test_equal_weights_are_as_accurate_as_torch(
    dtype: torch.dtype, memory: torch.memory_format, offset: float
) -> None:
    x = (normal(6, 3, 10, 8) + offset).to(dtype).contiguous(memory_format=memory)
    gradient = normal(6, 3, 10, 8, seed=1).to(dtype)
    exact, _ = pair()
    expected = step(exact, x.double(), gradient.double())
    theirs, ours = (norm.float() for norm in pair())
    usual = step(theirs, x, gradient)
    with sample_weights(torch.ones(6)):
        found = step(ours, x, gradient)
    assert found["y"].dtype == found["x"].dtype == dtype
    for name, value in expected.items():
        error, allowed = ((part[name] - value).abs().max() for part in (found, usual))
        # Twice: both round, each its own way.
        assert error <= 2 * allowed + 4 * torch.finfo(dtype).eps * value.abs().max(), name


def test_evaluation_uses_the_running_statistics_whatever_the_weights() -> None:
    theirs, ours = pair()
    x = normal(4, 3, 2, 5)
    with sample_weights(torch.tensor([1.0, 5.0, 0.0, 2.0])):
        y = ours.eval()(x)
    assert torch.equal(y, theirs.eval()(x))
    assert torch.equal(ours.running_mean, theirs.running_mean)


def test_weights_end_with_their_block_also_when_it_fails() -> None:
    theirs, ours = pair()
    x, gradient = normal(3, 3, 2, 4), normal(3, 3, 2, 4, seed=1)
    with pytest.raises(RuntimeError), sample_weights(torch.tensor([5.0, 1.0, 1.0])):
        raise RuntimeError
    with sample_weights(torch.tensor([5.0, 1.0, 1.0])), sample_weights(torch.ones(3)):
        inner = ours(x)
    torch.testing.assert_close(inner, theirs(x), **EXACT)
    found, expected = step(ours, x, gradient), step(theirs, x, gradient)
    torch.testing.assert_close(found["y"], expected["y"], **EXACT)


def test_there_is_one_weight_a_sample() -> None:
    _, norm = pair()
    with (
        sample_weights(torch.ones(4)),
        pytest.raises(UsageError, match=r"shape \(4,\) for 3 samples"),
    ):
        norm(normal(3, 3, 2, 4))


def test_parameters_and_buffers_have_torchs_names() -> None:
    theirs, ours = pair()
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert type(conv_norm(2, 3)[1]) is BatchNorm2d


@pytest.mark.filterwarnings("ignore")
def test_a_compiled_network_sees_new_weights() -> None:
    _, norm = pair()
    compiled = torch.compile(norm, backend="aot_eager", fullgraph=True)
    x = normal(4, 3, 2, 5)
    for seed in range(3):
        weights = normal(4, seed=seed).abs()
        with sample_weights(weights):
            torch.testing.assert_close(compiled(x), norm(x), **EXACT)
    torch.testing.assert_close(compiled(x), norm(x), **EXACT)


def test_absent_persons_can_be_computed_once() -> None:
    """`psp-code`'s mathematics: every clip has two persons, the absent ones are the same zeros."""
    there = torch.tensor([[1, 1], [1, 0], [1, 0], [1, 1], [1, 0]], dtype=torch.bool)
    clips, persons = there.shape
    every = normal(clips, persons, 3, 8, 25) * there[..., None, None, None]
    torch.manual_seed(0)
    blocks = (Block(4, 4, 2, 2), Block(4, 8, 2, 2))
    network = nn.ModuleDict(
        {"encoder": DstaEncoder(25, blocks, 2), "ppa": PolymerisingAttention(8, KINECT25, 2)}
    ).double()
    pyramid = SkeletonPyramid(KINECT25)
    scramble(network)
    start = {name: value.clone() for name, value in network.state_dict().items()}

    def run(x: Tensor, person_index: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        network.load_state_dict(start)
        network.zero_grad()
        clip_index = torch.arange(clips).repeat_interleave(persons)
        features = network["encoder"](x)
        pooled = torch.stack(
            [
                person_mean(node_mean(nodes), clip_index, clips, person_index)
                for nodes in (features, *network["ppa"](*pyramid(features)).values())
            ]
        )
        (pooled * normal(*pooled.shape, seed=5)).sum().backward()
        gradients = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
        statistics = {f"{name} ": value.clone() for name, value in network.named_buffers()}
        return pooled.detach(), gradients | statistics

    expected, of_all = run(every.flatten(0, 1), None)
    kept = every[there]
    absent = int((~there).sum())
    person_index = torch.full(there.shape, len(kept))
    person_index[there] = torch.arange(len(kept))
    weights = torch.cat((torch.ones(len(kept)), torch.tensor([float(absent)])))
    with sample_weights(weights):
        found, of_few = run(torch.cat((kept, torch.zeros_like(kept[:1]))), person_index.flatten())
    torch.testing.assert_close(found, expected, **EXACT)
    torch.testing.assert_close(of_few, of_all, **EXACT)
