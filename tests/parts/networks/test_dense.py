"""Dense networks: layer for layer, and tied."""

import itertools
import math
from typing import Any

import pytest
import torch
from torch import nn

from isthmus.errors import BlueprintError
from isthmus.model.blueprint import Blueprint
from isthmus.parts import CodeKind, Dense, Plain
from isthmus.parts.layers import ACTIVATIONS, Dropout, TiedLinear


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(widths=(), code: int = 8, shape=(12,), seed: int = 0, **fields):
    return Blueprint(network=Dense(widths=widths, **fields), code=Plain(size=code)).build(shape, seed=seed)


def products(module: nn.Module) -> list[tuple[int, int]]:
    """(inputs, outputs) of every product, in the order in which data meet them."""
    found = []
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            assert layer.weight.shape == (layer.out_features, layer.in_features)
            assert layer.bias.shape == (layer.out_features,)
            found.append((layer.in_features, layer.out_features))
    return found


def steps(module: nn.Module) -> list[str]:
    """The kinds of all layers, containers apart, in order."""
    return [type(layer).__name__ for layer in module.modules() if not list(layer.children())]


@pytest.mark.parametrize(
    ("widths", "code", "sizes"),
    [
        ((), 64, [784, 64, 784]),
        ((), 32, [784, 32, 784]),
        ((128,), 64, [784, 128, 64, 128, 784]),
        ((128, 64), 32, [784, 128, 64, 32, 64, 128, 784]),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, list) else None,
)
def test_the_lectures_networks_come_out_layer_for_layer(widths, code, sizes):
    model = build(widths, code, (1, 28, 28))
    assert products(model.encoder) + products(model.decoder) == list(itertools.pairwise(sizes))
    hidden = ["Linear", "ReLU"] * len(widths)
    assert steps(model.encoder) == ["Flatten", *hidden, "Linear"]
    assert steps(model.decoder) == [*hidden, "Linear", "Unflatten"]
    count = sum(before * after + after for before, after in itertools.pairwise(sizes))
    assert sum(weight.numel() for weight in model.parameters()) == count


def test_layers_are_called_by_what_they_are():
    model = build((128, 64), 32, (1, 28, 28), dropout=0.1)
    assert [name for name, _ in model.encoder.named_children()] == [
        *("flatten", "dense1", "dropout1", "dense2", "dropout2", "code"),
    ]
    assert [name for name, _ in model.decoder.named_children()] == [
        *("dense1", "dropout1", "dense2", "dropout2", "output", "unflatten"),
    ]


def test_forward_is_the_formula():
    model = build((5,), 3, (4,), activation="tanh")
    x = torch.randn(6, 4, generator=generator())
    weights = list(model.parameters())
    z = torch.tanh(x @ weights[0].T + weights[1]) @ weights[2].T + weights[3]
    expected = torch.tanh(z @ weights[4].T + weights[5]) @ weights[6].T + weights[7]
    assert torch.allclose(model(x).output, expected, atol=1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_trains(activation):
    model = build((5,), 3, (4,), activation=activation)
    model.loss(model(torch.rand(6, 4, generator=generator())))[0].backward()
    for weight in model.parameters():
        assert weight.grad is not None
        assert torch.isfinite(weight.grad).all()
        assert weight.grad.any()


@pytest.mark.parametrize("size", [(2, 3), (1, 1, 5), 7])
def test_a_dense_code_may_have_any_shape(size):
    model = Blueprint(network=Dense(widths=(6,)), code=Plain(size=size)).build((20,))
    seen = model(torch.zeros(3, 20))
    assert seen.code.z.shape == (3, *((size,) if isinstance(size, int) else size))
    assert seen.output.shape == (3, 20)


@pytest.mark.parametrize(("normalisation", "kind"), [("batch", nn.BatchNorm1d), ("layer", nn.LayerNorm)])
def test_normalisation_stands_between_product_and_activation(normalisation, kind):
    model = build((5,), 3, normalisation=normalisation)
    stage = model.encoder.get_submodule("dense1")
    assert isinstance(stage, nn.Sequential)
    assert [type(step) for step in stage] == [nn.Linear, kind, nn.ReLU]
    before = stage[:2](torch.randn(400, 12, generator=generator()))
    axis = 0 if normalisation == "batch" else 1
    assert before.mean(axis).abs().max() < 1e-4
    assert (before.std(axis, correction=0) - 1).abs().max() < 1e-2


def test_batch_normalisation_rests_in_evaluation():
    model = build((5,), 3, normalisation="batch").eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model(torch.randn(9, 12, generator=generator()))
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_dropout_acts_by_the_draws_it_is_given_and_only_by_them():
    model = build((50,), 3, dropout=0.4)
    x = torch.rand(6, 12, generator=generator())
    draws = model.draw(6, generator(1))
    mask = draws["encoder"]["dropout1"]
    assert mask.shape == (6, 50)
    assert set(mask.unique().tolist()) == {0.0, torch.tensor(1 / 0.6).item()}
    with_draws, without = model(x, draws), model(x)
    assert torch.equal(with_draws.layers["encoder.dropout1"], without.layers["encoder.dense1"] * mask)
    assert torch.equal(without.layers["encoder.dropout1"], without.layers["encoder.dense1"])
    assert torch.equal(model(x, draws).output, with_draws.output)
    assert not torch.equal(with_draws.output, without.output)


def test_dropout_keeps_the_mean():
    layer = Dropout(0.3, (100,))
    mask = layer.draw(2000, generator())
    share = (mask == 0).float().mean().item()
    assert abs(share - 0.3) < 4 * math.sqrt(0.3 * 0.7 / mask.numel())
    assert abs(mask.mean().item() - 1) < 0.01


def test_tied_decoder_is_exactly_the_transpose():
    model = build((10, 6), 3, tied=True, activation="identity")
    layers = [layer for layer in model.encoder.modules() if isinstance(layer, nn.Linear)]
    z = torch.randn(4, 3, generator=generator())
    expected = z
    for layer in reversed(layers):
        expected = expected @ layer.weight
    assert torch.allclose(model.decoder(z), expected, atol=1e-6)  # biases start at zero
    with torch.no_grad():
        layers[1].weight.add_(1.0)
    assert not torch.allclose(model.decoder(z), expected)


@pytest.mark.parametrize("widths", [(), (10,), (10, 6)])
def test_tied_weights_are_half_the_weights(widths):
    tied, free = build(widths, 3, tied=True), build(widths, 3)
    count = lambda model, dim: sum(weight.numel() for weight in model.parameters() if weight.ndim == dim)  # noqa: E731
    assert 2 * count(tied, 2) == count(free, 2)
    assert count(tied, 1) == count(free, 1)


def test_state_dict_has_a_tied_weight_once():
    model = build((10,), 3, tied=True)
    assert list(model.state_dict()) == [
        "encoder.dense1.0.weight",
        "encoder.dense1.0.bias",
        "encoder.code.weight",
        "encoder.code.bias",
        "decoder.dense1.0.bias",
        "decoder.output.bias",
    ]


@pytest.mark.parametrize("widths", [(), (5,), (6, 5)])
def test_gradients_of_both_uses_meet_in_the_one_tied_weight(widths):
    model = build(widths, 3, (4,), tied=True, activation="tanh").double()
    x = torch.rand(5, 4, generator=generator(), dtype=torch.float64)
    loss = lambda: model.loss(model(x))[0]  # noqa: E731
    loss().backward()
    step = 1e-6
    for weight in model.parameters():
        assert weight.grad is not None
        flat, numeric = weight.detach().view(-1), torch.zeros(weight.numel(), dtype=torch.float64)
        with torch.no_grad():
            for index in range(weight.numel()):
                before = flat[index].item()
                flat[index] = before + step
                above = loss()
                flat[index] = before - step
                numeric[index] = (above - loss()) / (2 * step)
                flat[index] = before
        # the data pass through float32 on their way in, the weights don't
        assert torch.allclose(weight.grad.view(-1), numeric, atol=1e-8, rtol=1e-5)


def test_a_deep_tied_network_learns():
    model = build((10, 6), 3, tied=True)
    x = torch.randn(64, 12, generator=generator()) @ torch.randn(12, 12, generator=generator(1)) * 0.3
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(60):
        loss = model.loss(model(x))[0]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_tied_layers_print_what_they_are():
    layer = TiedLinear(nn.Linear(12, 3))
    assert "in_features=3, out_features=12, tied" in repr(layer)


class Doubled(CodeKind):
    """A code that needs two features for each of its numbers, as a Gaussian does."""

    def features(self, code):
        return (2 * code[0],)


def test_weights_that_cannot_be_tied_are_refused_in_one_line():
    with pytest.raises(
        BlueprintError, match=r"Tied weights.*12 to 6 numbers and the decoder 3 to 12.*tied=False"
    ) as caught:
        Blueprint(network=Dense(tied=True), code=Doubled(size=3)).build((12,))
    assert "\n" not in str(caught.value)


def test_a_dense_network_needs_the_size_of_the_code():
    with pytest.raises(BlueprintError, match=r"needs the size of the code: set it, such as code=32"):
        Blueprint(network=Dense()).build((12,))


def test_gated_layers_multiply_one_half_by_the_sigmoid_of_the_other():
    model = build((5,), activation="gated")
    layer: Any = model.encoder.get_submodule("dense1")
    x = torch.randn(4, 12, generator=generator())
    values, gates = layer[0](x).chunk(2, 1)
    torch.testing.assert_close(layer(x), values * gates.sigmoid())
    assert layer(x).shape == (4, 5)
    with pytest.raises(BlueprintError, match="tied=False"):
        build((5,), activation="gated", tied=True)
