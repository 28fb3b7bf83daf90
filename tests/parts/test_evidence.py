"""The bounds on log p(x), on a linear model with normal codes, whose likelihood has a closed form."""

import math

import pytest
import torch
from torch import distributions as dist
from torch import nn

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts import Gaussian, GaussianCode, Kl, LogMeanExp, MeanBound

DRAWS, SAMPLES, ROUNDS = 6, 400, 60
"""Draws of each code, copies of one sample in a pass, and passes."""
MATRIX = torch.tensor([[0.9, -0.4], [0.2, 1.1], [0.5, 0.3]], dtype=torch.float64)
X = torch.tensor([[0.7, -1.2, 0.4]], dtype=torch.float64)


def model(bound, draws=DRAWS, weight=1.0):
    """x = W z + noise with σ = 1, z standard normal; the posterior is off, so that there is something to weight."""
    encoder, decoder = nn.Linear(3, 4), nn.Linear(2, 3)
    made = Autoencoder(
        encoder, decoder, shape=(3,), code=GaussianCode(size=2, draws=draws), distance=Gaussian(link="identity"),
        penalties=(Kl(weight=weight),), bound=bound,
    ).double()  # fmt: skip
    with torch.no_grad():
        decoder.weight.copy_(MATRIX)
        decoder.bias.zero_()
        encoder.weight.zero_()
        encoder.bias.copy_(torch.tensor([0.3, -0.2, -0.4, -0.6]))
    return made


def passed(made, seed, samples=SAMPLES):
    draws = made.draw(samples, torch.Generator().manual_seed(seed))
    return made(X.expand(samples, -1), {"code": draws["code"].double()})


def log_weights(made, out):
    """(K, N)."""
    terms = made.objective.terms(out, made)
    return -(terms["distance"] + terms["kl"]).view(-1, len(out.clean)).detach()


def gradients(bound, **options):
    """(ROUNDS, numbers) independent estimates of the encoder's gradient, and the same of the decoder's."""
    made = model(bound, **options)
    found = []
    for seed in range(ROUNDS):
        total, _ = made.loss(passed(made, seed))
        sides = (list(made.encoder.parameters()), list(made.decoder.parameters()))
        every = torch.autograd.grad(total, [*sides[0], *sides[1]])
        found.append([torch.cat([x.flatten() for x in every[:2]]), torch.cat([x.flatten() for x in every[2:]])])
    return [torch.stack(side) for side in zip(*found, strict=True)]


def assert_same_mean(one, other):
    error = ((one.var(0) + other.var(0)) / ROUNDS).sqrt()
    assert bool(((one.mean(0) - other.mean(0)).abs() <= 5 * error + 1e-12).all())


def test_many_draws_come_to_the_likelihood():
    made = model(LogMeanExp(), draws=20_000)
    known = dist.MultivariateNormal(torch.zeros(3).double(), torch.eye(3).double() + MATRIX @ MATRIX.T).log_prob(X)
    assert float(made.loss(passed(made, 0, 4))[0].detach()) == pytest.approx(-float(known), abs=0.05)


@pytest.mark.parametrize(
    ("bound", "expected"),
    [
        (MeanBound(), lambda w: w.mean()),
        (LogMeanExp(), lambda w: w.exp().mean(0).log().mean()),
        (LogMeanExp(groups=3), lambda w: w.view(3, 2, -1).exp().mean(1).log().mean()),
        (LogMeanExp(groups=6), lambda w: w.mean()),
        (LogMeanExp(mean_share=1.0), lambda w: w.mean()),
        (LogMeanExp(mean_share=0.3), lambda w: 0.3 * w.mean() + 0.7 * w.exp().mean(0).log().mean()),
        (LogMeanExp(gradient="doubly"), lambda w: w.exp().mean(0).log().mean()),
        (LogMeanExp(encoder_groups=3), lambda w: w.exp().mean(0).log().mean()),
    ],
    ids=lambda given: str(given) if not callable(given) else "expected",
)
def test_the_loss_is_minus_the_bound(bound, expected):
    made = model(bound)
    out = passed(made, 0)
    total = -float(made.loss(out)[0].detach())
    if not bound.by_draws:  # its KL is in closed form, so that the draws have no part in it
        made = model(LogMeanExp())
        assert total == pytest.approx(float(expected(log_weights(made, out))), abs=0.1)
    else:
        assert total == pytest.approx(float(expected(log_weights(made, out))), rel=1e-9)


@pytest.mark.parametrize("options", [{}, {"groups": 3}, {"mean_share": 0.4}, {"groups": 2, "mean_share": 0.7}], ids=str)
@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_the_doubly_reparametrised_gradient_has_the_same_expectation(options, weight):
    plain, other = gradients(LogMeanExp(**options), weight=weight)
    doubly, same = gradients(LogMeanExp(gradient="doubly", **options), weight=weight)
    assert_same_mean(plain, doubly)
    torch.testing.assert_close(same, other, rtol=1e-6, atol=1e-9)


def test_and_a_smaller_variance_for_the_encoder():
    plain, doubly = (gradients(LogMeanExp(gradient=how))[0] for how in ("plain", "doubly"))
    assert float(doubly.var(0).sum()) < 0.7 * float(plain.var(0).sum())


def test_partial_importance_weighting_trains_each_side_by_its_own_bound():
    encoder, decoder = gradients(LogMeanExp(encoder_groups=3))
    assert_same_mean(encoder, gradients(LogMeanExp(groups=3))[0])
    torch.testing.assert_close(decoder, gradients(LogMeanExp())[1], rtol=1e-6, atol=1e-9)
    assert not math.isclose(float(decoder.sum()), float(gradients(LogMeanExp(groups=3))[1].sum()), rel_tol=1e-6)


def test_draws_of_tiny_weight_leave_the_gradients_finite():
    made = model(LogMeanExp(encoder_groups=3)).float()
    with torch.no_grad():
        made.decoder.get_parameter("weight").mul_(100)
    draws = {"code": 10 * torch.randn(5, DRAWS, 2, generator=torch.Generator().manual_seed(0))}
    total, _ = made.loss(made(X.float().expand(5, -1), draws))
    assert all(bool(g.isfinite().all()) for g in torch.autograd.grad(total, list(made.parameters())))


def test_compiled_and_eager_gradients_are_the_same():
    made = model(LogMeanExp(encoder_groups=3))
    weights = {name: weight.detach() for name, weight in made.named_parameters()}
    draws = {"code": torch.randn(5, DRAWS, 2, generator=torch.Generator().manual_seed(0)).double()}

    def loss(weights):
        out = torch.func.functional_call(made, weights, (X.expand(5, -1), draws))
        return made.loss(out)[0]

    pure = torch.func.grad(loss)(weights)
    total, _ = made.loss(made(X.expand(5, -1), draws))
    eager = torch.autograd.grad(total, list(made.parameters()))
    torch.testing.assert_close(list(pure.values()), list(eager))


def test_draws_that_cannot_be_grouped_and_codes_without_a_density_are_refused():
    with pytest.raises(BlueprintError, match="draws=5 can't be cut into groups=2"):
        ist.recipe("iwae", groups=2).build((9,), remarks=False)
    ladder = ist.recipe("ladder-vae", draws=4).replace(bound=LogMeanExp(gradient="doubly"))
    with pytest.raises(BlueprintError, match="a ladder code knows it only at its own draws"):
        ladder.build((9,), remarks=False)


def test_its_options_are_options_of_the_recipe_and_a_name_alone_is_enough():
    assert ist.recipe("iwae", gradient="doubly").bound == LogMeanExp(gradient="doubly")
    assert ist.recipe("vae", bound="log-mean-exp").bound == LogMeanExp()
    old = ist.recipe("vae").to_json() | {"bound": "mean"}
    assert ist.Blueprint.from_json(old) == ist.recipe("vae")
