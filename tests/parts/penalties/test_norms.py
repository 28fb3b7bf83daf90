"""The norms of a regularised autoencoder against their definitions."""

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import CodeNorm, DecoderNorm


def passed(penalty, **options):
    model = ist.recipe("deep", code=2, widths=[6], **options).replace(penalties=(penalty,)).build((5,), remarks=False)
    model = model.double()
    raw = torch.rand(7, 5, generator=torch.Generator().manual_seed(0)).double()
    return model, model(raw, model.draw(7, torch.Generator().manual_seed(1)))


def test_the_norm_of_the_code_is_half_its_squared_length():
    model, out = passed(CodeNorm())
    expected = 0.5 * out.code.z.square().sum(1)
    torch.testing.assert_close(model.objective.terms(out, model)["code-norm"], expected)


def test_the_norm_of_the_weights_is_the_sum_of_their_squares():
    model, out = passed(DecoderNorm())
    expected = torch.stack([weight.square().sum() for weight in model.decoder.parameters()]).sum()
    torch.testing.assert_close(model.objective.terms(out, model)["decoder-norm"], expected.expand(7))


def test_the_norm_of_the_gradient_is_estimated_without_bias():
    penalty = DecoderNorm(form="gradient")
    model, out = passed(penalty)
    slopes = torch.stack(
        [torch.autograd.functional.jacobian(lambda z: model.decoder(z[None])[0], z) for z in out.code.z]
    )
    exact = slopes.square().sum((1, 2))
    signs = [penalty.draw(7, model, torch.Generator().manual_seed(seed)) for seed in range(200)]
    found = torch.stack([penalty(out, model, one).detach() for one in signs])
    error = found.std(0) / len(signs) ** 0.5
    assert bool(((found.mean(0) - exact).abs() < 5 * error + 1e-9).all())
    loss, _ = model.loss(out)
    assert all(bool(g.isfinite().all()) for g in torch.autograd.grad(loss, list(model.parameters())))


def test_a_decoder_that_sees_more_than_the_code_is_refused():
    with pytest.raises(BlueprintError, match="form='weights'"):
        ist.recipe("denoise").replace(penalties=(DecoderNorm(form="gradient"),)).build((1, 8, 8), remarks=False)
