"""The objective: terms, weights, bounds and rivals."""

import math

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.model.objective import Objective
from isthmus.parts import ActivationL1, Bce, CodeAdversary, Kl, Mse


def drawn(name, **options):
    model = ist.recipe(name, code=3, widths=[8], **options).build((1, 4, 5), remarks=False, seed=1)
    raw = torch.rand(6, 1, 4, 5, generator=torch.Generator().manual_seed(0))
    return model, model(raw, model.draw(6, torch.Generator().manual_seed(1)))


def test_the_loss_is_the_distance_and_the_weighted_penalties():
    model, out = drawn("vae", weight=0.3)
    total, means = model.objective(out, model)
    terms = model.objective.terms(out, model)
    assert means.keys() == terms.keys() == {"distance", "kl"}
    torch.testing.assert_close(total, terms["distance"].mean() + 0.3 * terms["kl"].mean())
    torch.testing.assert_close(model.loss(out, torch.tensor([2.0]))[0], means["distance"] + 2 * means["kl"])


def test_the_importance_weighted_bound_is_the_log_of_the_mean_of_the_weights():
    model, out = drawn("iwae")
    terms = model.objective.terms(out, model)
    weights = (-(terms["distance"] + terms["kl"])).view(5, 6).double()
    expected = -(weights.exp().mean(0).log()).mean()
    assert float(model.loss(out)[0].detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    assert weights.exp().mean(0).log().mean() >= weights.mean() - 1e-9, "it is tighter than the mean"


def test_penalties_that_come_again_are_numbered():
    objective = Objective(Mse(), (ActivationL1(), Kl(), ActivationL1(layer="encoder.dense1")))
    assert objective.names == ["activation-l1", "kl", "activation-l1#2"]


def test_a_rival_has_weights_and_a_loss_of_its_own():
    model, out = drawn("aae")
    assert model.objective.has_rival
    assert list(model.objective.penalty_modules) == ["code-adversary"]
    total, means = model.objective(out, model)
    weighted = means["distance"] + model.objective.penalties[0].full_weight * means["code-adversary"]
    torch.testing.assert_close(total, weighted)
    assert math.isfinite(float(means["code-adversary rival"].detach()))


@pytest.mark.parametrize(("name", "towards"), [("vae", True), ("wae", True), ("aae", True), ("deep", False)])
def test_it_knows_whether_codes_are_drawn_towards_their_prior(name, towards):
    assert drawn(name)[0].objective.towards_prior == towards
    assert not Objective(Bce(), (Kl(weight=0.0), CodeAdversary(weight=0.0))).towards_prior


def test_a_bound_on_probabilities_needs_a_likelihood():
    with pytest.raises(BlueprintError, match="needs a likelihood as its distance, but mse isn't one"):
        Objective(Mse(), (), "log-mean-exp")
