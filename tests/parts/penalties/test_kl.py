"""The KL penalty: by formula and by draws, its capacity, its free bits, and where it can't be."""

import numpy as np
import pytest
import torch

from isthmus.errors import BlueprintError
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.blueprint import Blueprint
from isthmus.parts import Bce, Bound, CodeKind, Dense, GaussianCode, Kl, Penalty, Plain

SHAPE = (6,)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def build(penalty: Kl, *, code: CodeKind | None = None, bound: str = "mean") -> Autoencoder:
    code = code or GaussianCode(size=3)
    parts = {"code": code, "distance": Bce(), "penalties": (penalty,), "bound": Bound.model_validate(bound)}
    return Blueprint(network=Dense(), **parts).build((1, 2, 3), remarks=False)


def seen_by(model, count=8, epochs=None, **draws):
    raw = torch.rand(count, 1, 2, 3, generator=generator())
    return model(raw, model.draw(count, generator(1)) | draws, epochs=epochs)


def each_kl(seen):
    """(N, code) by the formula, in float64."""
    posterior = seen.code.distribution
    mean, log_variance = (given.detach().double().numpy() for given in (posterior.mean, posterior.log_variance))
    return 0.5 * (np.exp(log_variance) + mean**2 - 1 - log_variance)


def test_closed_it_is_the_formula_of_each_sample():
    model = build(Kl())
    seen = seen_by(model)
    assert np.allclose(Kl()(seen, model).detach().numpy(), each_kl(seen).sum(1), rtol=1e-5)


def test_by_draws_it_is_the_formula_on_average():
    model = build(Kl(mode="draws"), code=GaussianCode(size=3, draws=20_000))
    seen = seen_by(model, 2)
    found = model.objective.penalties[0](seen, model).detach().view(20_000, 2)
    error = found.std(0) / np.sqrt(20_000)
    assert (np.abs(found.mean(0).numpy() - each_kl(seen).sum(1)) < 4 * error.numpy()).all()


def test_without_draws_it_is_the_formula():
    model = build(Kl(mode="draws"))
    seen = model(torch.rand(4, 1, 2, 3, generator=generator()))
    assert np.allclose(model.objective.penalties[0](seen, model).detach().numpy(), each_kl(seen).sum(1), rtol=1e-5)


def test_the_importance_weighted_bound_takes_it_by_draws():
    model = build(Kl(), code=GaussianCode(size=3, draws=4), bound="log-mean-exp")
    assert model.objective.penalties[0](seen_by(model), model).shape == (32,)
    with pytest.raises(BlueprintError, match="mode='draws'"):
        build(Kl(mode="closed"), bound="log-mean-exp")


def test_the_weight_is_beta():
    plain, heavy = build(Kl()), build(Kl(weight=4.0))
    with torch.no_grad():
        terms = plain.loss(seen_by(plain))[1]
        total = heavy.loss(seen_by(heavy))[0]
    assert float(total) == pytest.approx(float(terms["distance"] + 4 * terms["kl"]), rel=1e-6)


def test_a_capacity_is_what_the_batch_shall_cost():
    model = build(Kl(capacity=5.0))
    seen = seen_by(model)
    found = model.objective.penalties[0](seen, model)
    assert found.shape == (8,)
    assert np.allclose(found.detach().numpy(), abs(each_kl(seen).sum(1).mean() - 5.0), rtol=1e-5)


@pytest.mark.parametrize(("epochs", "capacity"), [(0.0, 0.0), (1.0, 2.5), (2.0, 5.0), (7.0, 5.0)])
def test_a_capacity_grows_with_the_epochs(epochs, capacity):
    model = build(Kl(capacity=5.0, capacity_epochs=2.0))
    assert model.objective.penalties[0].scheduled
    seen = seen_by(model, epochs=torch.full((8,), epochs))
    found = float(model.objective.penalties[0](seen, model)[0].detach())
    assert found == pytest.approx(abs(each_kl(seen).sum(1).mean() - capacity), rel=1e-5)


def test_once_training_is_over_the_capacity_is_whole():
    model = build(Kl(capacity=5.0, capacity_epochs=2.0))
    seen = seen_by(model)
    found = float(model.objective.penalties[0](seen, model)[0].detach())
    assert found == pytest.approx(abs(each_kl(seen).sum(1).mean() - 5.0), rel=1e-5)


def test_free_bits_leave_a_number_alone_that_costs_less():
    model = build(Kl(free_bits=0.12))
    seen = seen_by(model)
    mean = each_kl(seen).mean(0)
    assert mean.min() < 0.12 < mean.max()
    found = model.objective.penalties[0](seen, model)
    assert np.allclose(found.detach().numpy(), np.maximum(mean, 0.12).sum(), rtol=1e-5)
    free = torch.autograd.grad(found.mean(), seen.code.distribution.mean)[0]
    assert (free.abs().sum(0).numpy() > 0).tolist() == (mean > 0.12).tolist()


def test_only_what_looks_at_the_batch_says_so():
    assert [Kl().over_batch, Kl(capacity=1.0).over_batch, Kl(free_bits=0.1).over_batch] == [False, True, True]
    assert [Kl().scheduled, Kl(capacity=1.0).scheduled, Kl(capacity_epochs=2.0).scheduled] == [False, False, False]


def test_a_plain_code_is_refused_with_what_would_fit():
    with pytest.raises(BlueprintError, match=r"a plain code has none\. Use a gaussian code"):
        build(Kl(), code=Plain(size=3))


@pytest.mark.parametrize("penalty", [Kl(mode="draws", capacity=1.0), Kl(mode="draws", free_bits=0.1)], ids=str)
def test_what_looks_at_the_batch_is_refused_draw_by_draw(penalty):
    with pytest.raises(BlueprintError, match="draw by draw"):
        build(penalty)


class Nothing(Penalty):
    pass


def test_a_warm_up_can_begin_again():
    penalty = Nothing(weight=2.0, warmup=2.0, cycle=5.0)
    found = [penalty.weight_at(epochs) for epochs in (0, 1, 2, 4.9, 5, 6, 9, 10)]
    assert found == pytest.approx([0, 1, 2, 2, 0, 1, 2, 0])


def test_a_cycle_alone_is_half_a_warm_up():
    assert [Nothing(cycle=4.0).weight_at(epochs) for epochs in (0, 1, 2, 3, 4)] == [0, 0.5, 1, 1, 0]


def test_a_cycle_shorter_than_its_warm_up_is_refused():
    with pytest.raises(BlueprintError, match="is longer than cycle"):
        Nothing(warmup=3.0, cycle=2.0)
