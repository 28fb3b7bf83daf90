"""Activations of any module's layers: rows, masks, several layers, and files larger than memory."""

import numpy as np
import pytest
import torch
from torch import nn

import isthmus as ist


class Reader(nn.Module):
    """Tokens to two blocks; the second returns a tuple."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(9, 4)
        self.first = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))
        self.pair = Pair()
        self.unused = nn.Linear(4, 4)

    def forward(self, input_ids, attention_mask=None):
        return self.pair(self.first(self.embed(input_ids)))


class Pair(nn.Module):
    def forward(self, x):
        return x * 2, x


@pytest.fixture
def reader():
    torch.manual_seed(0)
    return Reader().train()


@pytest.fixture
def tokens():
    return torch.randint(0, 9, (10, 3), generator=torch.Generator().manual_seed(1))


def expected(reader, tokens):
    with torch.no_grad():
        return reader.first[0](reader.embed(tokens))


def test_each_token_is_a_row_in_evaluation_mode(reader, tokens):
    found = ist.activations(reader, "first", tokens, batch_size=4)
    assert (found.kind, found.shape) == ("table", (4,))
    torch.testing.assert_close(found.tensor(), expected(reader, tokens).flatten(0, 1))
    assert reader.training
    assert not reader.first._forward_hooks


def test_tuples_inputs_and_several_layers(reader, tokens):
    made = expected(reader, tokens).flatten(0, 1)
    torch.testing.assert_close(ist.activations(reader, "pair", tokens).tensor(), made * 2)
    torch.testing.assert_close(ist.activations(reader, "pair", tokens, of="input").tensor(), made)
    both = ist.activations(reader, ["first", "pair"], tokens)
    assert (both.kind, both.shape) == ("series", (2, 4))
    torch.testing.assert_close(both.tensor(), torch.stack([made, made * 2], 1))


def test_padding_is_left_out(reader, tokens):
    mask = torch.ones_like(tokens)
    mask[:, 2] = 0
    found = ist.activations(reader, "first", [{"input_ids": tokens, "attention_mask": mask}])
    torch.testing.assert_close(found.tensor(), expected(reader, tokens)[:, :2].flatten(0, 1))


def test_a_convolutions_channels_are_the_numbers_of_each_position():
    torch.manual_seed(0)
    convolution = nn.Sequential(nn.Conv2d(1, 5, 3))
    pictures = np.random.default_rng(0).normal(size=(6, 1, 5, 5)).astype(np.float32)
    made = convolution(torch.from_numpy(pictures)).detach()
    found = ist.activations(convolution, "0", pictures, axis=1).tensor()
    torch.testing.assert_close(found, made.permute(0, 2, 3, 1).flatten(0, 2))
    whole = ist.activations(convolution, "0", ist.open_data(pictures, test=0, validation=0).train, axis=None).tensor()
    torch.testing.assert_close(whole, made.flatten(1))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_rows_are_written_batch_by_batch_and_mapped(reader, tokens, tmp_path, dtype):
    path = tmp_path / "a.npy"
    found = ist.activations(reader, "first", tokens, batch_size=3, out=path, dtype=dtype)
    assert isinstance(found.values, np.memmap)
    stored = np.load(path)
    assert stored.dtype == dtype
    np.testing.assert_allclose(stored, expected(reader, tokens).flatten(0, 1), atol=2e-3)
    data = ist.open_data(path, scaling="rms")
    assert sum(map(len, (data.train, data.validation, data.test))) == 30
    run = ist.fit(ist.recipe("topk", code=6, k=2).build(data), data, epochs=1, progress=False)
    assert run.encode(found).shape == (30, 6)


def test_rows_end_where_they_are_limited(reader, tokens):
    assert len(ist.activations(reader, "first", tokens, batch_size=2, most=13)) == 13
    assert not reader.first._forward_hooks


def test_mistakes_are_answered(reader, tokens, tmp_path):
    with pytest.raises(ist.IsthmusError, match=r"no layer 'frist'.*Did you mean 'first'"):
        ist.activations(reader, "frist", tokens)
    with pytest.raises(ist.IsthmusError, match="'unused' was not called"):
        ist.activations(reader, "unused", tokens)
    with pytest.raises(ist.IsthmusError, match="no batch"):
        ist.activations(reader, "first", [])
    with pytest.raises(ist.IsthmusError, match="no batch"):
        ist.activations(reader, "first", [], out=tmp_path / "a.npy")
    with pytest.raises(ist.IsthmusError, match=r"one \.npy file"):
        ist.activations(reader, "first", tokens, out=tmp_path / "a.csv")
    with pytest.raises(ist.IsthmusError, match="axis=5"):
        ist.activations(reader, "first", tokens, axis=5)
    assert not list(tmp_path.iterdir())
