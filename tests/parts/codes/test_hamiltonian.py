"""Hamiltonian and Riemannian codes: their bound is that of a VAE without steps, and unbiased with them."""

from typing import Any

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts.gaussians import standard_log_prob
from isthmus.parts.priors import MetricPrior

RAW = torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(1)).round()
METRIC = {"references": 5, "temperature": 0.8, "floor": 0.5}


def model_of(recipe, size=1, **options) -> Any:
    options = {"code": size, "widths": (6,), "distance": "bce"} | options
    model = ist.recipe(recipe, **options).build((1, 2, 2), seed=1, remarks=False).double()
    with torch.no_grad():  # a new decoder begins at a constant, whose gradient is 0
        for weight in model.decoder.parameters():
            weight.add_(0.5 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(2)).double())
        model.encoder.get_submodule("code").get_parameter("weight").mul_(0.2)  # wide posteriors, so bounded weights
    return model


def metric_of(**options):
    return MetricPrior(**METRIC | options)


def log_weights(model, draws):
    """(K, N) log p(x, z) - log q(z|x)."""
    given = model.code.draw(len(RAW), model.code_shape, torch.Generator().manual_seed(0), draws=draws).double()
    out = model(RAW.double(), {"code": given})
    z, prior = out.code.z, model.code.prior
    weights = prior.log_prob(z, model) - out.code.distribution.log_prob(z) - model.objective.distances(out)
    return weights.view(draws, -1).detach()


@pytest.mark.parametrize(
    ("recipe", "options"),
    [
        ("hamiltonian-vae", {"steps": 3, "step_size": 0.2, "heat": 0.6}),
        ("riemannian-vae", {"steps": 2, "step_size": 0.1, "heat": 0.8, "prior": metric_of()}),
    ],
)
def test_the_mean_weight_of_many_draws_is_the_evidence(recipe, options):
    model = model_of(recipe, **options)
    grid = torch.linspace(-9, 9, 2001, dtype=torch.float64)[:, None]
    with torch.no_grad():
        output = model.decoder(grid).repeat_interleave(len(RAW), 0)
        costs = model.distance(output, RAW.double().repeat(len(grid), 1, 1, 1)).view(len(grid), -1)
    known = (standard_log_prob(grid)[:, None] - costs).exp().sum(0) * 18 / 2000
    weights = log_weights(model, 4000).exp()
    error = weights.std(0) / 4000**0.5
    assert bool(((weights.mean(0) - known).abs() < 4 * error + 2e-3 * known).all())
    assert float((weights.std(0) / known).max()) < 5


@pytest.mark.parametrize("recipe", ["hamiltonian-vae", "riemannian-vae"])
def test_without_steps_it_is_a_vae(recipe):
    model = model_of(recipe, size=2, steps=0, **({"prior": metric_of()} if recipe == "riemannian-vae" else {}))
    drawn = model.draw(len(RAW), torch.Generator().manual_seed(3))
    out = model(RAW.double(), drawn)
    posterior = model.code.start_of(model.encoder(RAW.double()))
    z = posterior.sample(drawn["code"][..., :2].double())
    torch.testing.assert_close(out.code.z, z)
    bound = posterior.log_prob(z) - standard_log_prob(z) + model.objective.distances(out)
    torch.testing.assert_close(model.loss(out)[0], bound.mean())


@pytest.mark.parametrize(("recipe", "size"), [("hamiltonian-vae", 0.2), ("riemannian-vae", 0.05)])
def test_codes_move_where_the_decoder_explains_the_sample_better(recipe, size):
    still, moving = (model_of(recipe, size=2, steps=steps, step_size=size, draws=200) for steps in (0, 5))
    drawn = moving.draw(len(RAW), torch.Generator().manual_seed(0))
    costs = [model.objective.distances(model(RAW.double(), drawn)).detach().mean() for model in (still, moving)]
    assert costs[1] < costs[0]


def test_the_sizes_of_the_steps_learn_and_stay_if_they_shall():
    for learnt in (True, False):
        model = model_of("hamiltonian-vae", size=2, heat=0.5, learnt=learnt)
        model.loss(model(RAW.double(), model.draw(3, torch.Generator().manual_seed(0))))[0].backward()
        named = {name for name, weight in model.named_parameters() if weight.grad is not None}
        assert ({"code_module.size", "code_module.start"} <= named) == learnt


def test_the_metric_is_near_the_floor_away_from_the_references():
    model = model_of("riemannian-vae", size=2, prior=metric_of())
    inverse = model.code.prior.metric(model)
    far = inverse(torch.full((1, 2), 50.0).double())
    torch.testing.assert_close(far, 0.5 * torch.eye(2).double()[None])
    centre = model.encode(model.prior_module.values)
    assert bool((torch.linalg.eigvalsh(inverse(centre)) > 0.5).all())
    start = ist.recipe("riemannian-vae", code=2, prior=metric_of())
    data = ist.open_data({"X": RAW.repeat(30, 1, 1, 1).numpy()}, validation=0)
    built: Any = start.build(data, remarks=False)
    assert set(built.prior_module.values.unique().tolist()) <= {0.0, 1.0}  # samples, not the random start


def test_new_codes_have_the_density_of_the_metric():
    model = model_of("riemannian-vae", prior=metric_of(moves=15, steps=5, step_size=0.3, floor=0.05))
    drawn = model.code.prior.new(1500, model, torch.Generator().manual_seed(0))[:, 0]
    grid = torch.linspace(-400, 400, 8001, dtype=torch.float64)
    with torch.no_grad():
        density = model.code.prior.metric(model)(grid[:, None])[:, 0, 0].sqrt()
    centre = model.encode(model.prior_module.values).mean()
    near = (grid - centre).abs() < 2  # where the metric is: beyond, the floor's density has no end
    inside = (grid - centre).abs() < 0.5
    known = float(density[inside].sum() / density[near].sum())
    found = float(((drawn - centre).abs() < 0.5).sum() / ((drawn - centre).abs() < 2).sum())
    assert found == pytest.approx(known, abs=0.08)


@pytest.mark.parametrize(
    ("recipe", "options", "said"),
    [
        ("hamiltonian-vae", {"distance": "mse"}, "likelihood"),
        ("hamiltonian-vae", {"corruption": "masking"}, "clean samples"),
        ("hamiltonian-vae", {"normalisation": "batch"}, "Batch normalisation"),
        ("riemannian-vae", {"prior": "standard-normal"}, "prior='metric'"),
        ("vae", {"prior": "metric"}, "riemannian code"),
    ],
)
def test_what_has_no_gradient_or_metric_is_refused(recipe, options, said):
    with pytest.raises(BlueprintError, match=said):
        ist.recipe(recipe, code=2, **options).build((4,), remarks=False)
