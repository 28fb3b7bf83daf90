"""The penalty on the covariance of the codes: both forms against NumPy, and its gradient."""

import numpy as np
import pytest
import torch

from isthmus.errors import BlueprintError
from isthmus.model.blueprint import Blueprint
from isthmus.parts import Covariance, DataSpec, Dense, GaussianCode, Ladder, Plain
from isthmus.parts.penalties.covariance import covariance


def build(penalty, code=None):
    return (
        Blueprint(network=Dense(widths=(6,)), code=code or GaussianCode(size=3), penalties=(penalty,))
        .build((5,), remarks=False)
        .double()
    )


def seen_by(model, count=7):
    x = torch.rand(count, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    drawn = model.code.draw(count, model.code_shape, torch.Generator().manual_seed(1))
    return model(x, {} if drawn is None else {"code": drawn.double()})


def wanted(found, diagonal):
    away = (found - np.eye(len(found))) ** 2
    return away.sum() - np.trace(away) + diagonal * np.trace(away)


@pytest.mark.parametrize(
    ("penalty", "diagonal"),
    [(Covariance(of="means"), 10), (Covariance(), 1), (Covariance(diagonal=0.5), 0.5)],
)
def test_it_is_the_papers_of_means_and_of_codes(penalty, diagonal):
    model = build(penalty)
    seen = seen_by(model)
    posterior = seen.code.distribution
    found = np.cov(posterior.mean.detach().numpy().T, bias=True)
    if penalty.of == "codes":
        found = found + np.diag(np.exp(posterior.log_variance.detach().numpy()).mean(0))
    value = model.objective.penalties[0](seen, model)
    assert value.shape == (7,)
    assert value.detach().numpy() == pytest.approx(wanted(found, diagonal), rel=1e-10)


def test_a_plain_code_counts_as_its_mean():
    model = build(Covariance(), Plain(size=3))
    seen = seen_by(model)
    found = np.cov(seen.code.z.detach().numpy().T, bias=True)
    assert model.objective.penalties[0](seen, model)[0].item() == pytest.approx(wanted(found, 1), rel=1e-10)


def test_codes_with_the_identity_as_covariance_cost_nothing():
    x = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert torch.equal(covariance(x), torch.eye(2))
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: covariance(x).square().sum(), x)


def test_its_weight_is_decided_from_the_data_and_it_needs_the_whole_batch():
    assert Covariance().resolve(DataSpec(inputs=196)).weight == 2.5
    assert Covariance().resolve(DataSpec()).weight == 10
    assert Covariance.over_batch


def test_a_posterior_that_is_not_normal_is_refused():
    with pytest.raises(BlueprintError, match="plain numbers or with a normal posterior, and a ladder code is neither"):
        build(Covariance(), Ladder(size=2, top=2, width=4))
