"""The loop: six moments in order, the best weights kept, losses that are lost, no trace left."""

import random
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.data import Samples
from isthmus.errors import TrainingError
from isthmus.training import BestWeights, Settings, Training


@pytest.fixture(scope="module")
def data() -> ist.Data:
    return ist.open_data("digits")


def _fit(data: ist.Data, **settings) -> ist.Run:
    options = {"epochs": 3, "progress": False, "compile": False} | settings
    return ist.fit(ist.recipe("multilayer", code=8).build(data), data, **options)


class Diary(ist.Callback):
    def __init__(self) -> None:
        self.moments: list[str] = []

    def train_begin(self, training) -> None:
        self.moments.append("train")

    def epoch_begin(self, training) -> None:
        self.moments.append("epoch")

    def batch_begin(self, training) -> None:
        self.moments.append("batch")

    def batch_end(self, training) -> None:
        self.moments.append("/batch")
        assert torch.isfinite(training.state.losses[training.state.step - 1])

    def epoch_end(self, training) -> None:
        self.moments.append("/epoch")

    def train_end(self, training) -> None:
        self.moments.append("/train")


def test_callbacks_are_called_at_six_moments(data: ist.Data) -> None:
    diary = Diary()
    _fit(data, epochs=2, batch_size=1000, callbacks=[diary])
    epoch = ["epoch", *["batch", "/batch"] * 2, "/epoch"]
    assert diary.moments == ["train", *epoch, *epoch, "/train"]


def test_loss_of_history_is_the_mean_over_samples(data: ist.Data) -> None:
    run = _fit(data, epochs=1, batch_size=1000, learning_rate=1e-12)
    with torch.no_grad():
        errors = run.model.objective.distances(run.model(data.train.tensor()))
        held_out = run.model.objective.distances(run.model(data.validation.tensor()))
    assert run.history[0]["loss"] == pytest.approx(float(errors.mean()), rel=1e-5)
    assert run.history[0]["validation_loss"] == pytest.approx(float(held_out.mean()), rel=1e-5)


def test_same_seed_same_bits_and_another_seed_others(data: ist.Data) -> None:
    one, same, other = _fit(data), _fit(data), _fit(data, seed=1)
    codes = [run.encode(data.test) for run in (one, same, other)]
    assert torch.equal(codes[0], codes[1])
    assert not torch.equal(codes[0], codes[2])


def test_best_weights_are_those_of_the_lowest_validation_loss(data: ist.Data) -> None:
    run = _fit(data, epochs=12, learning_rate=0.05)
    losses = [row["validation_loss"] for row in run.history]
    assert run.best_epoch == 1 + losses.index(min(losses))
    with torch.no_grad():
        again = run.model.objective.distances(run.model(data.validation.tensor())).mean()
    assert float(again) == pytest.approx(min(losses), rel=1e-5)


def test_training_stops_early_when_patience_is_over(data: ist.Data) -> None:
    run = _fit(data, epochs=200, learning_rate=0.1, patience=2)
    assert run.status == "stopped early"
    assert len(run.history) == run.best_epoch + 2


def test_without_validation_the_last_weights_are_kept(data: ist.Data) -> None:
    values = data.train.tensor()
    bare = ist.open_data(values, validation=0.0, test=0.0)
    run = _fit(bare, epochs=2)
    assert run.best_epoch == 2
    assert "validation_loss" not in run.history[0]


def test_one_picture_can_be_trained_on() -> None:
    with pytest.warns(ist.Remark):
        one = ist.open_data(np.full((1, 1, 6, 6), 0.5, np.float32))
    run = ist.fit(ist.recipe("vanilla", code=2).build(one), one, epochs=2, progress=False)
    assert len(run.history) == 2


@pytest.mark.parametrize("optimiser", ["adam", "adamw", "rmsprop", "sgd"])
@pytest.mark.parametrize("schedule", ["cosine", "step"])
def test_every_optimiser_learns(data: ist.Data, optimiser: str, schedule: str) -> None:
    rate = {"sgd": 3e-3, "rmsprop": 1e-3}.get(optimiser, 1e-2)
    model = ist.recipe("vanilla", code=8, code__activation="identity", distance="sse").build(data)
    options = {"epochs": 4, "optimiser": optimiser, "schedule": schedule, "learning_rate": rate}
    run = ist.fit(model, data, progress=False, compile=False, **options)
    assert run.history[-1]["loss"] < 0.9 * run.history[0]["loss"]


def test_lost_loss_names_step_and_cause_and_keeps_the_last_good_weights(data: ist.Data, tmp_path: Path) -> None:
    model = ist.recipe("multilayer", code=8, link="identity").build(data)
    words = r"step \d+ .*learning rate, 1e\+30.*before the first epoch are kept"
    with pytest.raises(TrainingError, match=words) as caught:
        ist.fit(model, data, learning_rate=1e30, optimiser="sgd", out=tmp_path / "run", progress=False)
    assert "\n" not in str(caught.value)
    run = ist.load(tmp_path / "run")
    assert run.status == "diverged"
    assert torch.isfinite(run.encode(data.test)).all()


def test_sample_that_is_not_finite_is_named() -> None:
    values = torch.rand(64, 5)
    values[17, 2] = float("nan")
    model = ist.recipe("vanilla", code=2).build((5,))
    training = Training(model, Samples(values), None, Settings(epochs=1, batch_size=16, compile=False), [BestWeights()])
    state = training.run()
    assert state.status == "diverged"
    assert "Sample 17 " in state.reason


def test_a_call_leaves_no_trace(data: ist.Data) -> None:
    def world() -> tuple:
        return (
            torch.get_rng_state().tolist(),
            random.getstate(),
            str(np.random.get_state()),  # noqa: NPY002 it is the global state that is looked at
            torch.get_num_threads(),
            torch.get_float32_matmul_precision(),
            torch.is_grad_enabled(),
            torch.get_default_dtype(),
            signal.getsignal(signal.SIGINT),
            signal.getsignal(signal.SIGTERM),
        )

    before = world()
    run = _fit(data)
    run.encode(data.test)
    assert world() == before


def test_callback_can_stop_training(data: ist.Data) -> None:
    class Enough(ist.Callback):
        def epoch_end(self, training) -> None:
            training.stop("stopped early", "enough")

    run = _fit(data, epochs=9, callbacks=[Enough()])
    assert (len(run.history), run.status, run.reason) == (1, "stopped early", "enough")


@pytest.mark.parametrize("folder", [None, "run"])
def test_a_process_that_is_asked_to_end_is_asked_again_when_all_is_saved(data, tmp_path, folder):
    asked = []

    class Asks(ist.Callback):
        def epoch_end(self, training) -> None:
            signal.raise_signal(signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, lambda number, frame: asked.append(number))
    try:
        run = _fit(data, epochs=9, callbacks=[Asks()], out=folder and tmp_path / folder)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert run.status == "interrupted"
    assert asked == [signal.SIGTERM]
    assert folder is None or ist.load(tmp_path / folder).history
