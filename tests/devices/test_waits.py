"""Training waits for an accelerator once an epoch: no step looks at values, and nothing is copied to it in a step."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.data import Samples
from isthmus.errors import TrainingError
from isthmus.storage.checked import load_tensors, save_tensors
from isthmus.training import BestWeights, Settings, Training, captured, loop

sys.path.insert(0, str(Path(__file__).parents[1]))
from model.test_varieties import GRADIENT, StopInTheMiddle, assert_equal, build, opened, weights_of
from training.tape import tape

FOUND = torch.accelerator.current_accelerator()
HERE = FOUND.type if FOUND is not None else "cpu"
pytestmark = pytest.mark.skipif(HERE != "pretend", reason="the pretend device counts how often it is waited for")
LOOKING = {"mae", "inpaint"}
"""Which choose the visible patches, or end an iteration, by what they have computed."""
CHOSEN: dict[str, Any] = {"batch_size": 32, "seed": 2, "compile": False, "device": HERE}
FEW: dict[str, Any] = CHOSEN | {"epochs": 1, "batch_size": 16}


def waits():
    import pretend

    return pretend.waits()


class Counts(ist.Callback):
    """Waits from one epoch's begin to the next one's."""

    def __init__(self):
        self.epochs: list[tuple[int, int]] = []

    def epoch_begin(self, training):
        self.counting = waits()
        self.now = self.counting.__enter__()

    def epoch_end(self, training):
        self.counting.__exit__(None, None, None)
        self.epochs.append((self.now.reads, self.now.uploads))


def train(name, data=None, callbacks=(), **settings: Any):
    data = data or opened(ist.RECIPES[name].data)
    chosen: dict[str, Any] = CHOSEN | {"epochs": 2} | settings
    training = Training(build(name, data), data.train, data.validation, Settings(**chosen), [BestWeights(), *callbacks])
    training.run()
    return training


@pytest.mark.parametrize("name", sorted({*GRADIENT} - LOOKING))
def test_the_host_waits_once_an_epoch(name):
    counts = Counts()
    train(name, callbacks=[counts])
    reads, uploads = counts.epochs[-1]
    assert reads == 1
    assert uploads <= 1, "the weights of a penalty that warms up"


@pytest.mark.parametrize("name", ["deep", "denoising", "vq", "rvq", "vae-gan", "table-vae", "flow-vae"])
def test_a_step_can_be_captured_and_is_then_the_eager_one(name, monkeypatch):
    # a learning rate that float32 holds exactly
    expected = train(name, learning_rate=2**-9)
    monkeypatch.setattr(loop, "can_capture", lambda *given: True)
    monkeypatch.setattr(captured, "CudaGraphs", lambda: tape)
    counts = Counts()
    training = train(name, learning_rate=2**-9, callbacks=[counts])
    assert training.uncaptured == ""
    assert counts.epochs[-1] == (1, 1), "the learning rates"
    assert_equal(weights_of(training.model), weights_of(expected.model))


def test_random_numbers_are_drawn_on_the_device_and_their_state_is_in_the_checkpoint(tmp_path):
    training = train("denoising")
    assert training.state.generator.device.type == HERE
    assert training.order()[:].device.type == HERE
    training.save_checkpoint(tmp_path)
    tensors, _ = load_tensors(tmp_path / "checkpoint.safetensors")
    assert torch.equal(tensors[f"generator/{HERE}"], training.state.generator.get_state())


def test_a_part_that_draws_on_the_cpu_still_trains():
    class OnCpu(ist.parts.Masking):
        kind = "masking-on-cpu"

        def draw(self, count, clean, generator):
            return torch.randint(0, 100, (count, *clean), generator=generator, dtype=torch.int16)

    data = opened("any")
    model = ist.recipe("deep", code=4, corruption=OnCpu()).build(data, remarks=False)
    training = Training(model, data.train, None, Settings(epochs=1, **CHOSEN))
    assert training.state.generator.device.type == "cpu"
    assert training.run().status == "finished"


@pytest.mark.parametrize("look", [10.0, 0.0])
def test_a_loss_that_is_lost_names_its_step_and_keeps_the_last_good_weights(look, monkeypatch):
    monkeypatch.setattr(loop, "LOOK", look)
    values = np.random.default_rng(0).random((128, 5), dtype=np.float32)
    data = ist.open_data(values, scaling="none", validation=0, test=0)
    values = data.train.tensor().clone()
    values[17, 2] = float("nan")
    lost = Samples(values)
    best = BestWeights()
    model = ist.recipe("vanilla", code=2).build(data, remarks=False)
    start = weights_of(model)
    training = Training(model, lost, None, Settings(**FEW), [best])
    step = int((training.order()[:] == 17).nonzero()[0, 0]) // 16 + 1
    state = training.run()
    assert state.status == "diverged"
    assert state.step == (step if look == 0 else training.steps_per_epoch)
    assert f"at step {step} (epoch 1)" in state.reason
    assert "Sample 17 " in state.reason
    best.give(model)
    assert_equal(weights_of(model), start)


def test_an_interrupted_epoch_whose_loss_is_lost_writes_no_checkpoint(tmp_path):
    class Interrupt(ist.Callback):
        def batch_end(self, training):
            if training.state.step == 2:
                training.stop("interrupted", "SIGINT")

    data = opened("any")
    model = build("vanilla", data)
    next(iter(model.encoder.parameters())).data.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"no longer finite at step 1 "):
        ist.fit(model, data, out=tmp_path, epochs=2, callbacks=[Interrupt()], progress=False, **CHOSEN)
    assert load_tensors(next(tmp_path.rglob("checkpoint.safetensors")))[1]["step"] == 0


@pytest.mark.parametrize(("first", "second"), [(HERE, "cpu"), ("cpu", HERE)])
def test_on_another_device_the_draws_are_others_and_a_remark_says_so(first, second, tmp_path):
    data = opened("any")
    chosen = CHOSEN | {"epochs": 2, "progress": False, "device": first}
    ist.fit(build("denoising", data), data, out=tmp_path, callbacks=[StopInTheMiddle()], **chosen)
    with pytest.warns(ist.Remark, match=f"written on another device .{first}.. The run continues on {second}"):
        run = ist.resume(tmp_path, data=data, device=second, progress=False)
    assert run.status == "finished"


def test_a_checkpoint_from_when_all_numbers_were_drawn_on_the_cpu_is_resumed(tmp_path):
    data = opened("any")
    chosen = CHOSEN | {"epochs": 2, "progress": False}
    ist.fit(build("denoising", data), data, out=tmp_path, callbacks=[StopInTheMiddle()], **chosen)
    path = next(tmp_path.rglob("checkpoint.safetensors"))
    tensors, notes = load_tensors(path)
    del tensors[f"generator/{HERE}"]
    save_tensors(path, tensors | {"generator": torch.Generator().manual_seed(2).get_state()}, notes)
    with pytest.warns(ist.Remark, match="with other random numbers"):
        run = ist.resume(tmp_path, data=data, progress=False)
    assert run.status == "finished"
