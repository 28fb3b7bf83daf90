"""A captured step is the eager one: what a replay reads and fills, tried with a graph that computes anew."""

import copy
from typing import Any

import pytest
import torch

from isthmus.model.batch import Inputs
from isthmus.model.recipes import recipe
from isthmus.training.captured import can_capture, captured_step, cuda_graph
from isthmus.training.optimisers import Optimiser
from isthmus.training.settings import Settings
from isthmus.training.steps import differentiated, eager_step

CPU = torch.device("cpu")
FOUND = torch.device("cuda") if torch.cuda.is_available() else CPU


def pretended(warm_up, work):
    """As a CUDA graph: nothing is done at first, and each replay reads and fills the same memory."""
    warm_up()
    made: list[Any] = []

    def replay():
        total, terms = work()
        if not made:
            made.append((total, dict(terms)))
            results[1].update(terms)
            results[0].set_(total)
        made[0][0].copy_(total)
        for name, term in terms.items():
            made[0][1][name].copy_(term)

    results = (torch.zeros(()), {})
    return results, replay


def refuses(warm_up, work):
    warm_up()
    raise RuntimeError("operation not permitted when stream is capturing")


def trained(model, settings, way, device=CPU):
    """Weights, buffers and losses after two epochs of two whole batches and a smaller one."""
    model = copy.deepcopy(model).to(device).train()
    optimiser = Optimiser(settings, dict(model.named_parameters()))
    step = eager_step(model, optimiser, settings, device)
    if way is not None:
        step = captured_step(model, optimiser, settings, 16, differentiated(model, settings, device), step, way)
    generator, losses = torch.Generator().manual_seed(3), []
    for number, count in enumerate((16, 16, 5) * 2):
        raw = torch.rand(count, 1, 6, 5, generator=generator).to(device)
        inputs = Inputs(raw, model.draw(count, generator)).to(device)
        loss, terms = step(inputs, None, 0.01 / (1 + number))
        losses.append(float(loss) + sum(float(term) for term in terms.values()))
    return [*model.state_dict().values()], losses


@pytest.mark.parametrize("name", ["deep", "vae", "wae"])
@pytest.mark.parametrize("way", [pretended, refuses] + [cuda_graph] * torch.cuda.is_available())
def test_captured_or_not_the_weights_and_losses_are_the_same(name, way):
    model, settings = recipe(name, code=4).build((1, 6, 5), remarks=False), Settings(clip=0.5)
    device = FOUND if way is cuda_graph else CPU
    weights, losses = trained(model, settings, way, device)
    expected, expected_losses = trained(model, settings, None, device)
    assert losses == pytest.approx(expected_losses, rel=1e-5)
    torch.testing.assert_close(weights, expected, rtol=1e-4, atol=1e-6)


def test_running_means_are_moved_by_steps_alone():
    model = recipe("deep", code=4, normalisation="batch").build((1, 6, 5), remarks=False)
    settings = Settings(optimiser="sgd")  # Adam makes full steps of biases' gradients, which are 0 but for rounding
    weights, _ = trained(model, settings, pretended)
    torch.testing.assert_close(weights, trained(model, settings, None)[0], rtol=1e-4, atol=1e-6)


def test_only_what_decides_nothing_itself_is_captured():
    gpu = torch.device("cuda")
    deep, sparse = (recipe(name, code=4).build((1, 6, 5), remarks=False) for name in ("deep", "sparse"))
    assert can_capture(deep, Settings(), gpu)
    assert can_capture(sparse, Settings(), gpu)
    assert not can_capture(deep, Settings(), CPU)
    assert not can_capture(deep, Settings(optimiser="rmsprop"), gpu)
    quantised = recipe("vq", code=8).build((1, 6, 5), remarks=False)
    assert not can_capture(quantised, Settings(), gpu)
