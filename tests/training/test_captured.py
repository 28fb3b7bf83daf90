"""A captured step is the eager one, from the choice of samples to the note of the loss: tried with a tape."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import isthmus as ist
from isthmus.data import Samples
from isthmus.training import captured, loop
from isthmus.training.captured import CudaGraphs, can_capture
from isthmus.training.loop import Training
from isthmus.training.settings import Settings

sys.path.insert(0, str(Path(__file__).parents[1]))
from model.test_varieties import StopInTheMiddle, assert_equal, build, opened, small, weights_of
from training.tape import tape

HERE = "cuda" if torch.cuda.is_available() else "cpu"
CHOSEN: dict[str, Any] = {"epochs": 2, "batch_size": 32, "seed": 2, "clip": 0.5, "learning_rate": 2**-9}
"""A learning rate that float32 holds exactly, and a limit that is applied without a look at the norm."""


@pytest.fixture
def taped(monkeypatch):
    """Steps are captured: as a CUDA graph where there is a GPU, else on a tape."""
    monkeypatch.setattr(loop, "can_capture", lambda *given: True)
    if HERE == "cpu":
        monkeypatch.setattr(captured, "CudaGraphs", lambda: tape)


def trained(model, data, callbacks=(), **settings: Any):
    """A training of two epochs, whose last batch is smaller, and why its step was not captured."""
    chosen = Settings(device=HERE, compile=False, **CHOSEN | settings)
    training = Training(model, data.train, data.validation, chosen, callbacks)
    training.run()
    return training


def assert_same(one, other):
    """The same weights, running means and history."""
    for (name, weight), expected in zip(weights_of(one.model).items(), weights_of(other.model).values(), strict=True):
        if HERE == "cpu":
            assert torch.equal(weight, expected), name
        torch.testing.assert_close(weight, expected, rtol=1e-4, atol=1e-6)
    for row, expected in zip(one.state.history, other.state.history, strict=True):
        for name in row.keys() - {"seconds", "samples_per_second"}:
            assert row[name] == pytest.approx(expected[name], rel=1e-5), name


@pytest.mark.parametrize(
    "name",
    [
        "deep",
        "cvae",
        "iwae",
        "denoising",
        "aae",
        "vae-gan",
        "diffusion",
        "fsq",
        "table",
        "sparse",
        "matryoshka",
        "jumprelu",
    ],
)
def test_captured_or_not_the_weights_and_the_history_are_the_same(name, taped, monkeypatch):
    data = opened(ist.RECIPES[name].data)
    one = trained(build(name, data), data)
    assert one.uncaptured == ""
    monkeypatch.setattr(loop, "can_capture", lambda *given: False)
    assert_same(one, trained(build(name, data), data))


def test_schedules_and_running_means_go_on_from_step_to_step(taped, monkeypatch):
    data = opened("any")
    penalties = [ist.parts.Kl(warmup=1.5, capacity=4.0, capacity_epochs=1.0)]

    def made():
        return small("vae", penalties=penalties, normalisation="batch").build(data, remarks=False)

    # Adam makes full steps of biases' gradients, which are 0 but for rounding before a normalisation
    chosen = {"schedule": "cosine", "warmup": 0.5, "optimiser": "sgd"}
    one = trained(made(), data, **chosen)
    assert one.uncaptured == ""
    monkeypatch.setattr(loop, "can_capture", lambda *given: False)
    other = trained(made(), data, **chosen)
    for weight, expected in zip(weights_of(one.model).values(), weights_of(other.model).values(), strict=True):
        torch.testing.assert_close(weight, expected, rtol=1e-4, atol=1e-6)
    assert one.state.history[-1]["loss"] == pytest.approx(other.state.history[-1]["loss"], rel=1e-4)


def test_what_looks_at_values_runs_as_it_would_have_without_a_capture(taped, monkeypatch):
    data = opened("pictures")
    one = trained(build("mae", data), data)
    assert one.uncaptured != ""
    monkeypatch.setattr(loop, "can_capture", lambda *given: False)
    assert_same(one, trained(build("mae", data), data))


def test_samples_that_are_not_on_the_device_are_copied_before_each_replay(taped, monkeypatch):
    data = opened("any")
    mapped = Samples(data.train.tensor().numpy(), labels=data.train.labels, kind="pictures")
    one = trained(build("cvae", data), data)
    for same in (mapped, data.train):
        training = Training(build("cvae", data), same, data.validation, Settings(device=HERE, compile=False, **CHOSEN))
        training.run()
        assert training.uncaptured == ""
        assert_same(training, one)


def test_resumed_in_the_middle_of_an_epoch_a_captured_run_has_the_same_bits(taped, tmp_path):
    data = opened("any")
    settings = CHOSEN | {"device": HERE, "compile": False, "progress": False}
    whole = ist.fit(build("denoising", data), data, out=tmp_path / "whole", **settings)
    ist.fit(build("denoising", data), data, out=tmp_path / "broken", callbacks=[StopInTheMiddle()], **settings)
    resumed = ist.resume(tmp_path / "broken", data=data, progress=False)
    assert_equal(weights_of(resumed.model), weights_of(whole.model))
    assert [row["loss"] for row in resumed.history] == [row["loss"] for row in whole.history]


def test_a_capture_is_tried_where_a_gpu_draws_and_the_rate_may_change():
    data = opened("any")
    model = build("deep", data)

    class OnGpu:
        device = torch.device("cuda")

    gpu: Any = OnGpu()
    assert can_capture(model, Settings(), gpu)
    assert can_capture(build("vq", data), Settings(), gpu)
    assert not can_capture(model, Settings(), torch.Generator())
    assert not can_capture(model, Settings(optimiser="rmsprop"), gpu)
    assert not can_capture(model, Settings(compile=True), gpu)
    layers = torch.nn.Linear(72, 4), torch.nn.Linear(4, 72)
    assert not can_capture(ist.Autoencoder(*layers, shape=(72,)), Settings(), gpu)


@pytest.mark.skipif(HERE == "cpu", reason="needs a GPU")
def test_draws_of_a_graph_are_those_of_the_generator():
    generator = torch.Generator(device="cuda").manual_seed(5)
    drawn = [torch.randn(100, generator=generator, device="cuda") for _ in range(3)]
    generator.manual_seed(5)
    held = torch.zeros(100, device="cuda")
    replay = CudaGraphs()(
        lambda: None, lambda: held.copy_(torch.randn(100, generator=generator, device="cuda")), generator
    )
    for expected in drawn:
        replay()
        assert torch.equal(held, expected)
