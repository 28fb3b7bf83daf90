"""The start at PCA: a model that begins as the best linear one, from every way of asking for it."""

import json
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import isthmus as ist
from isthmus.cli.main import app
from isthmus.errors import BlueprintError
from isthmus.parts import (
    L1,
    Bce,
    Conv,
    Dense,
    Gaussian,
    GaussianCode,
    GaussianNoise,
    Kl,
    Mse,
    Network,
    Plain,
    Residual,
    Sse,
    TopK,
)
from isthmus.parts.layers import Chain
from isthmus.pca import principal_components

SIZE = 6
NETWORKS = [
    Residual(channels=(4, 5)),
    Residual(channels=(3,), normalisation="batch"),
    Dense(),
    Dense(widths=(20, 10), normalisation="layer", dropout=0.2),
    Conv(channels=(4, 3)),
    Conv(channels=(4,), form="strided"),
]


def pictures(count: int = 200, channels: int = 3, height: int = 7, width: int = 6) -> np.ndarray:
    """(N, C, H, W) uint8: a few smooth patterns in any mixture, and noise."""
    draw = np.random.default_rng(0)
    patterns = draw.normal(size=(10, channels * height * width)) * np.linspace(40, 5, 10)[:, None]
    mixed = (
        128 + draw.normal(size=(count, 10)) @ patterns / 3 + draw.normal(size=(count, channels * height * width)) * 3
    )
    return mixed.clip(0, 255).round().astype(np.uint8).reshape(count, channels, height, width)


@pytest.fixture(scope="module")
def data() -> ist.Data:
    return ist.open_data(pictures(), seed=1)


def build(data: Any, **fields: Any) -> ist.Autoencoder:
    named = {"network": Residual(channels=(4, 5)), "code": Plain(size=SIZE), "start": "pca"} | fields
    return ist.Blueprint(**named).build(data, remarks=False)


def linear_of(chain: nn.Module) -> nn.Linear:
    assert isinstance(chain, Chain)
    return next(layer for layer in chain.get_submodule("bypass").modules() if isinstance(layer, nn.Linear))


@pytest.mark.parametrize("network", NETWORKS, ids=str)
@pytest.mark.parametrize("distance", [Mse(), Sse(link="identity"), L1()], ids=str)
def test_before_its_first_step_a_model_is_pca(network, distance, data):
    model = build(data, network=network, distance=distance)
    pca = principal_components(data.train, data.scaling, SIZE)
    raw = data.test.batch(torch.arange(len(data.test)))
    scaled = data.scaling(raw)
    for mode in (model.train(), model.eval()):
        seen = mode(raw)
        assert torch.allclose(seen.code.z, pca.encode(scaled), atol=1e-5)
        assert torch.allclose(seen.reconstruction, pca.reconstruct(scaled), atol=1e-5)
    found = model.distance(seen.output, seen.clean)
    assert torch.allclose(found, model.distance(pca.reconstruct(scaled), scaled), atol=1e-5)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_every_weight_of_both_paths_learns(network, data):
    """At first the silent layers alone; each step wakes the layer before the last one that woke."""
    model = build(data, network=network)
    start = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(6):
        optimiser.zero_grad()
        model.loss(model(data.train.batch(torch.arange(64))))[0].backward()
        optimiser.step()
    assert [name for name, weight in model.named_parameters() if torch.equal(weight, start[name])] == []


def test_a_gaussian_code_begins_with_pcas_as_its_mean(data):
    model = build(data, code=GaussianCode(size=SIZE), distance=Gaussian(), penalties=(Kl(),))
    raw = data.test.batch(torch.arange(7))
    seen = model(raw)
    pca = principal_components(data.train, data.scaling, SIZE)
    assert torch.allclose(seen.code.z, pca.encode(data.scaling(raw)), atol=1e-5)
    assert torch.allclose(seen.reconstruction, pca.reconstruct(data.scaling(raw)), atol=1e-5)
    assert not seen.code.distribution.log_variance.any()


def test_training_gets_below_the_error_of_pca(data):
    """The curve z ↦ z² lies in no plane: the nonlinear path learns what the linear one can't."""
    draw = np.random.default_rng(0)
    place = draw.uniform(-1, 1, (600, 1))
    bent = np.concatenate([place, place**2, 0.01 * draw.normal(size=(600, 1))], 1).astype(np.float32)
    curve = ist.open_data(bent, scaling="none")
    model = build(curve, network=Dense(widths=(16,), activation="tanh"), code=Plain(size=1))
    run = ist.fit(model, curve, epochs=40, batch_size=32, learning_rate=0.01, compile=False, progress=False)
    errors = run.evaluate()["test"]["mse"]
    assert errors["model"] < 0.2 * errors["pca"]


def test_what_training_spoils_is_not_kept(data):
    """Steps that are far too long make every epoch worse than the start, which then stays the best."""
    run = ist.fit(build(data), data, epochs=2, batch_size=32, learning_rate=1.0, optimiser="adam", progress=False)
    rivals = run.evaluate()["validation"]["mse"]
    assert run.best_epoch == 0
    assert rivals["model"] == pytest.approx(rivals["pca"], rel=1e-4)


def test_the_global_random_state_is_left_alone(data):
    before = torch.random.get_rng_state()
    build(data)
    assert torch.equal(before, torch.random.get_rng_state())


def test_an_auto_link_becomes_the_identity_and_the_blueprint_says_so(data):
    assert build(data, start="mean").distance == Mse(link="sigmoid")
    model = build(data)
    assert model.distance == Mse(link="identity")
    assert model.blueprint is not None
    assert model.blueprint.distance == model.distance


def test_a_code_wider_than_the_data_span_is_padded(data):
    few = ist.open_data(pictures(12), validation=0, test=0)
    model = build(few, code=Plain(size=40))
    raw = few.train.batch(torch.arange(12))
    seen = model(raw)
    assert torch.allclose(seen.reconstruction, seen.clean, atol=1e-5)


def test_noise_on_the_way_in_leaves_the_start_at_pca(data):
    model = build(data, corruption=GaussianNoise(sigma=0.1))
    raw = data.test.batch(torch.arange(5))
    seen = model(raw, model.draw(5, torch.Generator().manual_seed(0)))
    pca = principal_components(data.train, data.scaling, SIZE)
    assert torch.allclose(seen.output, pca.reconstruct(seen.corrupted), atol=1e-5)


class TwoOnes:
    """Data as other people may bring them, without a training part."""

    shape, scaling = (1, 4, 4), ist.Scaling(range=(0.0, 1.0))


class Ends(Network):
    """A custom network, whose last layer is more than a product."""

    def encoder(self, shape, features, generator):
        size = int(np.prod(shape))
        return Chain({"flatten": nn.Flatten(), "in": nn.Sequential(nn.Linear(size, features[0]), nn.Tanh())})

    def decoder(self, code, shape, generator):
        return Chain({"out": nn.Linear(code[0], int(np.prod(shape))), "unflatten": nn.Unflatten(1, shape)})


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"distance": Bce()}, "output is the sample itself, but bce"),
    ({"distance": Mse(link="sigmoid")}, "output is the sample itself, but mse(link='sigmoid')"),
    ({"code": Plain(size=SIZE, activation="relu")}, "start='pca' needs a code equal to the encoder's output"),
    ({"code": TopK(size=SIZE)}, "start='pca' needs a code equal to the encoder's output"),
    ({"code": Plain()}, "start='pca' needs a flat code, but this code has shape (5, 2, 2)"),
    ({"network": Dense(tied=True)}, "tied=False if the weights are tied"),
    ({"network": Ends()}, "these end in Sequential"),
    ({"missing": "mask"}, "has the samples' shape (3, 7, 6), but its input has (6, 7, 6)"),
]


@pytest.mark.parametrize(("fields", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_cannot_start_at_pca_is_refused_with_what_would(fields, words, data):
    with pytest.raises(BlueprintError) as caught:
        build(data, **fields)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", [(3, 7, 6), TwoOnes()], ids=["shape", "no training part"])
def test_without_data_there_is_nothing_to_start_from(given):
    with pytest.raises(
        BlueprintError, match=r"start='pca' learns .* none was given\. Build the model for data"
    ) as caught:
        build(given)
    assert "\n" not in str(caught.value)


def test_an_unknown_start_is_answered_with_the_nearest():
    with pytest.raises(BlueprintError, match="'mean' or 'pca'"):
        ist.recipe("deep", start="pcs")


def test_a_saved_model_takes_its_weights_from_the_file(data, tmp_path):
    run = ist.fit(build(data), data, out=tmp_path / "run", epochs=2, batch_size=32, seed=3, progress=False)
    again = ist.load(tmp_path / "run")
    assert again.model.blueprint == run.model.blueprint
    weights = again.model.state_dict()
    assert all(torch.equal(weights[name], weight) for name, weight in run.model.state_dict().items())
    assert torch.equal(again.reconstruct(data.test), run.reconstruct(data.test))


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(data, tmp_path):
    class StopAfterOne(ist.Callback):
        def epoch_end(self, training):
            training.stop("interrupted")

    settings: dict[str, Any] = {"epochs": 3, "batch_size": 32, "seed": 3, "progress": False}
    whole = ist.fit(build(data), data, out=tmp_path / "whole", **settings)
    ist.fit(build(data), data, out=tmp_path / "broken", callbacks=[StopAfterOne()], **settings)
    resumed = ist.resume(tmp_path / "broken", data=data, progress=False)
    assert [row["loss"] for row in resumed.history] == [row["loss"] for row in whole.history]


@pytest.mark.parametrize("name", ["deep", "resnet"])
def test_the_command_line_and_json_know_it_too(name, tmp_path):
    np.save(tmp_path / "data.npy", pictures(64))
    (tmp_path / "blueprint.json").write_text(json.dumps(ist.recipe(name, code=4, start="pca").to_json()))
    models = []
    for place, words in enumerate(
        (["--recipe", name, "--set", "code=4", "--set", "start=pca"], ["--blueprint", str(tmp_path / "blueprint.json")])
    ):
        out = tmp_path / str(place)
        result = CliRunner().invoke(
            app, ["train", str(tmp_path / "data.npy"), *words, "--out", str(out), "--epochs", "1", "--quiet"]
        )
        assert result.exit_code == 0, result.output
        models.append(ist.load(out).model)
    assert models[0].blueprint.start == "pca"
    for one, other in zip(*(model.state_dict().values() for model in models), strict=True):
        assert torch.equal(one, other)
