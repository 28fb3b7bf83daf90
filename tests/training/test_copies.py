"""Copies of weights in bfloat16 give the gradients of autocast, for every kind of layer that has products."""

import pytest
import torch

import isthmus as ist
from isthmus.model.batch import Inputs
from isthmus.training.copies import Copies
from isthmus.training.settings import Settings
from isthmus.training.steps import Loss, _by_copies, differentiated

CPU = torch.device("cpu")
MODELS = {
    "deep": {"tied": True},
    "conv": {},
    "vae-gan": {},
    "contractive": {},
    "series-gru": {},
    "resnet": {},
}


@pytest.mark.parametrize("name", MODELS)
def test_gradients_are_those_of_autocast(name):
    shape = (2, 16) if name == "series-gru" else (1, 12, 12)
    model = ist.recipe(name, code=4, **MODELS[name]).build(shape, remarks=False)
    generator = torch.Generator().manual_seed(0)
    inputs = Inputs(torch.rand(8, *shape, generator=generator), model.draw(8, generator))
    settings = Settings(precision="bfloat16")
    expected, total, terms = differentiated(model, settings, CPU)(inputs, None)
    gradients, other, others = _by_copies(Loss(model), settings, CPU)(inputs, None)
    assert all(gradient.dtype == torch.float32 for gradient in gradients)
    torch.testing.assert_close(gradients, expected, rtol=0.02, atol=1e-3)
    torch.testing.assert_close((other, others), (total, terms), rtol=1e-3, atol=1e-4)


def test_copies_follow_the_weights_and_leave_them_float32():
    model = ist.recipe("deep", code=4).build((1, 6, 5), remarks=False)
    copies = Copies(Loss(model))
    weight = model.encoder.get_parameter(next(name for name, _ in model.encoder.named_parameters()))
    with torch.no_grad():
        weight.fill_(1.001)
    copies.refresh()
    name = next(name for name, value in Loss(model).named_parameters() if value is weight)
    assert torch.equal(copies.named[name].detach(), weight.detach().bfloat16())
    assert all(value.dtype == torch.float32 for value in model.parameters())
