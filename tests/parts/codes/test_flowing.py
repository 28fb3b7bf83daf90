"""Bent posteriors: the density of a draw is that of the change of variables, and the layers are invertible."""

import sys

import pytest
import torch
from torch import distributions as dist

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.extras import MissingPackageError
from isthmus.parts import Iaf, Kl, Planar
from isthmus.parts.gaussians import DiagonalGaussian

CODES = [Iaf(size=3, widths=(8,), context=4), Iaf(size=1, context=0), Planar(size=3, transforms=4), Planar(size=1)]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(code, count=6, draws=2):
    shape = code.shape(None)
    module = code.module(shape, generator())
    if module is not None:
        module.double()
    features = 2 * torch.randn(count, *code.features(shape), generator=generator(1), dtype=torch.float64)
    return module, features, code.draw(count, shape, generator(2), draws=draws).double()


@pytest.mark.parametrize("code", CODES, ids=str)
def test_the_density_is_that_of_the_change_of_variables(code):
    module, features, noise = drawn(code)
    found = code(features, noise, module)
    size = code.shape(None)[0]
    normal = DiagonalGaussian.of(features[:, : 2 * size])
    jacobian = torch.func.jacrev(lambda e, row: code(features[row : row + 1], e[None, None], module).z[0])
    for draw in range(2):
        for row in range(6):
            at = draw * 6 + row
            determinant = torch.linalg.slogdet(jacobian(noise[row, draw], row))[1]
            expected = dist.Normal(0.0, 1.0).log_prob(noise[row, draw]).sum() - determinant
            torch.testing.assert_close(found.distribution.log_prob(found.z)[at], expected)
    assert found.distribution.kl() is None
    assert torch.equal(code(features, None, module).z, code(features, torch.zeros_like(noise[:, :1]), module).z)
    assert normal.mean.shape == (6, size)


def test_a_planar_layer_is_increasing_along_its_direction_however_the_encoder_chooses_it():
    code = Planar(size=1, transforms=1)
    features = torch.tensor([[0.0, 0.0, u, w, 0.0] for u in (-9.0, 0.0, 9.0) for w in (-9.0, -0.01, 0.0, 5.0)]).double()
    axis = torch.linspace(-3, 3, 200).double()[:, None].expand(len(features), -1, 1)
    z = code(features, axis).z.view(200, len(features))
    assert bool((z.diff(dim=0) > 0).all())


@pytest.mark.parametrize("name", ["iaf-vae", "planar-vae"])
def test_the_kl_is_taken_at_the_draws_and_every_part_learns(name):
    model = ist.recipe(name, code=3, widths=[8]).build((9,), remarks=False)
    out = model(torch.rand(5, 9, generator=generator()), model.draw(5, generator(1)))
    kl = model.objective.terms(out, model)["kl"]
    torch.testing.assert_close(kl, out.code.distribution.log_densities - model.code.prior.log_prob(out.code.z, model))
    gradients = torch.autograd.grad(model.loss(out)[0], list(model.parameters()))
    assert all(bool(g.abs().sum() > 0) for g in gradients[-3:])
    with pytest.raises(BlueprintError, match="no KL in closed form"):
        model.blueprint.replace(penalties=(Kl(mode="closed"),)).build((9,), remarks=False)


def test_a_map_is_refused_and_a_missing_library_is_named(monkeypatch):
    with pytest.raises(BlueprintError, match="must be flat"):
        ist.recipe("conv-vae").replace(code=Planar(size=(2, 2, 2))).build((1, 8, 8), remarks=False)
    monkeypatch.setitem(sys.modules, "zuko", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'isthmus\[flow\]'"):
        ist.recipe("iaf-vae", code=2).build((9,))
