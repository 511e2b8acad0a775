"""Views between features and matrices of nodes: values, inverses and memory."""

import pytest
import torch

from pspmodel.nn.nodes import from_node_rows, join_heads, node_rows, split_heads

PERSONS, HEADS, KINDS, EMBED, FRAMES, NODES = 2, 3, 2, 4, 5, 7


def features(channels=HEADS * KINDS * EMBED):
    x = torch.arange(PERSONS * channels * FRAMES * NODES, dtype=torch.float32)
    return x.reshape(PERSONS, channels, FRAMES, NODES)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_node_rows_is_one_matrix_a_frame_and_comes_back(layout):
    x = features().contiguous(memory_format=layout)
    rows = node_rows(x)
    assert rows.shape == (PERSONS * FRAMES, NODES, x.shape[1])
    assert torch.equal(rows[FRAMES + 2, 3], x[1, :, 2, 3])
    back = from_node_rows(rows, FRAMES)
    assert torch.equal(back, x)
    assert back.is_contiguous(memory_format=torch.channels_last)


def test_channels_last_features_are_not_copied():
    x = features().contiguous(memory_format=torch.channels_last)
    rows = node_rows(x)
    assert rows.data_ptr() == x.data_ptr()
    assert from_node_rows(rows, FRAMES).data_ptr() == x.data_ptr()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_split_heads_finds_each_head_and_kind(layout):
    x = features().contiguous(memory_format=layout)
    kinds = split_heads(x, HEADS, KINDS)
    assert len(kinds) == KINDS
    for kind, rows in enumerate(kinds):
        assert rows.shape == (PERSONS * HEADS, NODES, FRAMES * EMBED)
        for person in range(PERSONS):
            for head in range(HEADS):
                first = (head * KINDS + kind) * EMBED
                own = x[person, first : first + EMBED]  # (D, T, n)
                expected = own.permute(2, 1, 0).reshape(NODES, -1)
                assert torch.equal(rows[person * HEADS + head], expected)


def test_join_heads_is_the_inverse():
    x = features(HEADS * EMBED)
    (rows,) = split_heads(x, HEADS, 1)
    joined = join_heads(rows, HEADS, FRAMES)
    assert torch.equal(joined, x)
    assert joined.is_contiguous(memory_format=torch.channels_last)
