"""Training layer by layer: which layers mirror which, what each learns from, and that it can be killed."""

import importlib
from typing import Any

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import Conv, Dense, Jpeg, Masking, Plain, Sse
from isthmus.training.layerwise import layer_autoencoders

SETTINGS: dict[str, Any] = {
    "epochs": 2,
    "layer_epochs": 2,
    "batch_size": 32,
    "compile": False,
    "progress": False,
    "seed": 3,
}


def stacked(**changes):
    network = Dense(widths=(12, 7), activation="sigmoid")
    return ist.Blueprint(network=network, code=Plain(size=3), solution="layer by layer").replace(**changes)


@pytest.fixture(scope="module")
def data():
    spread = np.random.default_rng(0).normal(size=(120, 4)) @ np.random.default_rng(1).normal(size=(4, 10))
    return ist.open_data(spread.astype(np.float32), seed=1)


def weights_of(run):
    return {name: value.clone() for name, value in run.model.state_dict().items()}


@pytest.mark.parametrize("tied", [False, True])
def test_each_layer_faces_its_mirror_and_they_are_the_models_own(tied):
    model = stacked(network=Dense(widths=(12, 7), dropout=0.1, tied=tied)).build((10,))
    layers = layer_autoencoders(model)
    assert {
        name: [list(dict(side.named_children())) for side in (layer.encoder, layer.decoder)]
        for name, layer in layers.items()
    } == {
        "dense1": [["flatten", "dense1", "dropout1"], ["output"]],
        "dense2": [["dense2", "dropout2"], ["dense2", "dropout2"]],
        "code": [["code"], ["dense1", "dropout1"]],
    }
    own = {id(weight) for weight in model.parameters()}
    assert {id(weight) for layer in layers.values() for weight in layer.parameters()} == own
    assert [layer.shape for layer in layers.values()] == [(10,), (12,), (7,)]


def test_strided_convolutions_are_mirrored_too():
    model = stacked(network=Conv(channels=(4, 2), form="strided"), code=Plain()).build((1, 8, 8), remarks=False)
    assert [layer.code_shape for layer in layer_autoencoders(model).values()] == [(4, 4, 4), (2, 2, 2)]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"network": Conv(channels=(4, 2)), "code": Plain()},
            "needs a decoder that mirrors its encoder",
        ),
        ({"missing": "mask"}, "doesn't support a condition or missing numbers"),
    ],
)
def test_what_has_no_mirrored_layers_is_refused_before_any_training(changes, words, tmp_path):
    data = ist.open_data(np.random.default_rng(0).integers(0, 255, (40, 8, 8), dtype=np.uint8))
    with pytest.raises(BlueprintError, match=words):
        ist.fit(stacked(**changes).build(data, remarks=False), data, out=tmp_path / "run", **SETTINGS)
    assert not (tmp_path / "run").exists()


def test_a_corruption_that_fits_no_code_is_refused():
    data = ist.open_data(np.random.default_rng(0).integers(0, 255, (40, 8, 8), dtype=np.uint8))
    with pytest.raises(BlueprintError, match="picture"):
        ist.fit(stacked(corruption=Jpeg()).build(data, remarks=False), data, **SETTINGS)


def test_the_layers_begin_the_whole_better_than_their_draw(data):
    """Linear layers, so that each can learn what the one below tells: the first epoch starts ahead."""
    network = Dense(widths=(8, 6), activation="identity")
    settings = SETTINGS | {"epochs": 1, "layer_epochs": 60, "learning_rate": 0.01}
    blueprint = stacked(network=network, code=Plain(size=4), distance=Sse())
    losses = [
        ist.fit(blueprint.replace(solution=solution).build(data), data, **settings).history[0]["loss"]
        for solution in ("layer by layer", "gradient")
    ]
    assert losses[0] < 0.2 * losses[1]


def test_a_corruption_damages_what_each_layer_sees(data):
    clean, denoising = (
        weights_of(ist.fit(stacked(corruption=corruption).build(data), data, **SETTINGS))
        for corruption in (None, Masking(share=0.5))
    )
    assert not torch.equal(clean["encoder.dense2.0.weight"], denoising["encoder.dense2.0.weight"])


@pytest.mark.parametrize("killed_at", [0, 1, 2])
def test_killed_between_the_layers_and_resumed_it_gives_the_same_bits(killed_at, data, tmp_path, monkeypatch):
    whole = ist.fit(stacked().build(data), data, **SETTINGS)
    layerwise = importlib.import_module("isthmus.training.layerwise")
    run, calls = layerwise.Training.run, []

    def killed(training):
        calls.append(training)
        if len(calls) > killed_at:
            training.settings = training.settings.replace(epochs=1)
            run(training)  # half of its epochs, and then the power goes
            raise MemoryError
        return run(training)

    with monkeypatch.context() as patched:
        patched.setattr(layerwise.Training, "run", killed)
        with pytest.raises(MemoryError):
            ist.fit(stacked().build(data), data, out=tmp_path / "run", **SETTINGS)
    again = ist.resume(tmp_path / "run", data=data, progress=False)
    expected, found = weights_of(whole), weights_of(again)
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_interrupted_in_a_layer_it_goes_on_as_if_nothing_had_happened(data, tmp_path, monkeypatch):
    whole = ist.fit(stacked().build(data), data, **SETTINGS)
    layerwise = importlib.import_module("isthmus.training.layerwise")
    run = layerwise.Training.run

    def interrupted(training):
        if tuple(training.model.shape) == (7,):
            training._call = lambda moment: training.stop("interrupted") if moment == "batch_end" else None
        return run(training)

    with monkeypatch.context() as patched:
        patched.setattr(layerwise.Training, "run", interrupted)
        broken = ist.fit(stacked().build(data), data, out=tmp_path / "run", **SETTINGS)
    assert (broken.status, broken.history) == ("interrupted", [])
    again = ist.resume(tmp_path / "run", data=data, progress=False)
    expected, found = weights_of(whole), weights_of(again)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
