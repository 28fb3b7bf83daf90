"""The flow prior: a density that integrates to 1, and draws that it finds probable."""

import sys

import pytest
import torch

import isthmus as ist
from isthmus.extras import MissingPackageError
from isthmus.parts import FlowPrior


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def flow_vae(size):
    prior = FlowPrior(transforms=2, widths=(8,))
    model = ist.recipe("flow-vae", code=size, widths=[8], prior=prior).build((9,), remarks=False, seed=3)
    with torch.no_grad():  # a flow begins close to the identity
        for weight in model.module_of(model.code.prior).parameters():
            weight.add_(0.3 * torch.randn(weight.shape, generator=generator(1)))
    return model.double().eval()


@torch.no_grad()
def test_density_integrates_to_one():
    model = flow_vae(2)
    axis = torch.linspace(-12, 12, 500, dtype=torch.float64)
    z = torch.cartesian_prod(axis, axis)
    step = float(axis[1] - axis[0])
    total = model.code.prior.log_prob(z, model).exp().sum() * step**2
    assert float(total) == pytest.approx(1, abs=0.01)


@torch.no_grad()
def test_draws_are_the_flows_way_back_from_the_normal():
    model, prior = flow_vae(3), FlowPrior()
    noise = prior.draw(50, (3,), generator()).double()
    z = model.code.prior.sample(noise, model)
    torch.testing.assert_close(model.module_of(model.code.prior)().transform(z), noise, rtol=1e-4, atol=1e-4)
    assert torch.equal(z, model.code.prior.sample(noise, model))


def test_building_draws_from_the_seed_alone_and_leaves_the_global_state():
    before = torch.random.get_rng_state()
    models = [ist.recipe("flow-vae", code=2, widths=[8]).build((9,), remarks=False, seed=seed) for seed in (0, 0, 1)]
    one, same, other = (model.module_of(model.code.prior).state_dict() for model in models)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_missing_library_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "zuko", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'isthmus\[flow\]'"):
        ist.recipe("flow-vae", code=2).build((9,))
