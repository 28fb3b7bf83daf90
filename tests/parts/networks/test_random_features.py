"""Random units and their readout; layers of extreme-learning autoencoders."""

import math

import pytest
import torch
from torch import nn

import isthmus as ist
from isthmus.parts import DataSpec, ExtremeLearning, RandomFeatures
from isthmus.parts.least_squares import Moments, readout
from isthmus.parts.networks.random_features import Drawn


@pytest.fixture(scope="module")
def data() -> ist.Data:
    return ist.open_data("digits")


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


def test_the_number_of_features_follows_the_training_samples():
    for rows, features in ((0, 1000), (100, 32), (800, 100), (10**6, 1000)):
        assert RandomFeatures().resolve(DataSpec(rows=rows)).features == features


def test_products_of_random_cosines_approximate_a_gaussian_kernel():
    drawn = Drawn(4, 200_000, "cos")
    drawn.draw(1.5, generator())
    points = torch.tensor([[0.0, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]])
    units = drawn(points)[:, 4:]
    found = 2 * units @ units.T / units.shape[1]
    expected = math.exp(-0.5 * 1.5**2 * 1.0)  # at a distance of 1
    assert float(found[0, 1]) == pytest.approx(expected, abs=0.01)
    assert float(found[0, 0]) == pytest.approx(1, abs=0.01)


def test_a_code_of_usual_length_gives_a_unit_an_input_of_the_gain():
    drawn = Drawn(20, 2000, "identity")
    drawn.draw(0.7, generator())
    z = torch.randn(500, 20, generator=generator()) * torch.linspace(0.1, 3, 20) + 5
    drawn.centre(z.mean(0), z.var(0, correction=0))
    inputs = drawn(z)[:, 20:] - drawn.bias
    assert float(inputs.square().mean().sqrt()) == pytest.approx(0.7, rel=0.1)
    assert torch.equal(drawn(z)[:, :20], (z - drawn.shift) / drawn.scale)


@pytest.mark.parametrize(("size", "count"), [(9, 4), (4, 9)])
def test_orthogonal_weights_are(size, count):
    drawn = Drawn(size, count, "tanh", orthogonal=True)
    drawn.draw(2.0, generator())
    short = drawn.weight if count < size else drawn.weight.T
    product = short @ short.T
    torch.testing.assert_close(product, product[0, 0] * torch.eye(4), atol=1e-5, rtol=1e-5)
    assert float(drawn.weight.square().mean()) == pytest.approx(2.0**2, rel=1e-5)  # as that of normal numbers
    assert float(drawn.bias.norm()) == pytest.approx(1, rel=1e-5)


def test_only_the_readout_and_the_encoder_are_parameters(data):
    model = ist.recipe("random-features", code=5, features=30).build(data)
    assert {name for name, _ in model.named_parameters()} == {
        f"{layer}.{kind}" for layer in ("encoder.code", "decoder.output") for kind in ("weight", "bias")
    }
    assert model.decoder.get_submodule("output").in_features == 35


def test_an_extreme_learning_layer_is_the_transposed_readout_of_its_random_units(data):
    code, ridge = 7, 0.01
    run = ist.fit(ist.recipe("extreme-learning", code=code, features=20, ridge=ridge).build(data), data, seed=5)
    x = data.scaling(data.train.tensor()).flatten(1)
    drawn = Drawn(64, code, "tanh", orthogonal=True)
    drawn.draw(1.2, torch.Generator().manual_seed(5))
    drawn.centre(x.double().mean(0), x.double().var(0, correction=0))
    moments = Moments(code, 64)
    moments.add(drawn(x)[:, 64:], x)
    expected = readout(moments, ridge).weight.T
    layer = run.model.encoder.get_submodule("code")
    assert isinstance(layer, nn.Linear)
    cosines = nn.functional.cosine_similarity(layer.weight.detach().double(), expected)
    assert float(cosines.min()) > 1 - 1e-5
    codes = run.encode(data.train)
    assert float(codes.square().mean()) == pytest.approx(1, rel=1e-3)
    assert float(codes.mean(0).abs().max()) < 1e-3


def test_stacked_layers_are_solved_from_the_data_inwards(data):
    network = ExtremeLearning(widths=(30, 12), features=20)
    model = ist.recipe("extreme-learning", network=network.to_json(), code=4).build(data)
    assert [name for name, _ in model.encoder.named_children()] == ["flatten", "dense1", "dense2", "code"]
    run = ist.fit(model, data)
    x = data.scaling(data.train.tensor()).flatten(1)
    first = model.encoder.get_submodule("dense1")[0](x)  # pyright: ignore[reportIndexIssue]
    assert float(first.detach().square().mean()) == pytest.approx(1, rel=1e-3)
    figures = run.evaluate()["test"]["mse"]
    assert figures["model"] < figures["mean"]
