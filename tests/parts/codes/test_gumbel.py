"""Gumbel-softmax: exact draws, its limits at low and high temperature, its gradients, and its cooling."""

import math

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import Dense, Gumbel, Kl, Likelihood
from isthmus.parts.vectors import vectors_of


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def module(code, shape, training=True):
    return code.module(shape, seeded()).train(training)


def test_the_drawn_values_are_as_frequent_as_the_softmax_says():
    code = Gumbel(entries=3)
    features = torch.tensor([[1.0, -0.5, 0.0]]).expand(20_000, -1)
    found = code(features, code.draw(20_000, (3,), seeded()), module(code, (3,), False))
    shares = found.z.mean(0)
    error = (shares - features[0].softmax(0)).abs().max()
    assert error < 4 * 0.5 / math.sqrt(20_000)


def test_at_a_low_temperature_it_is_the_one_hot_draw_and_at_a_high_one_it_is_even():
    shape = (8, 3)
    code = Gumbel(entries=4, cooling=0)
    features, draws = torch.randn(5, *shape, generator=seeded()), code.draw(5, shape, seeded(1))
    exact = code(features, draws, module(code, shape, False)).z
    cold, hot = (code.replace(temperature=t, last_temperature=min(t, 0.5)) for t in (1e-4, 1e4))
    torch.testing.assert_close(cold(features, draws, module(code, shape)).z, exact, rtol=0, atol=1e-3)
    torch.testing.assert_close(
        hot(features, draws, module(code, shape)).z, torch.full((5, *shape), 0.25), atol=1e-2, rtol=0
    )
    groups = vectors_of(exact, 4)
    assert torch.equal(groups.sum(2), torch.ones(5, 6))
    assert set(exact.unique().tolist()) == {0.0, 1.0}


def test_without_draws_it_is_the_likeliest_value_and_indices_stand_for_the_code():
    shape = (6, 2, 2)
    code = Gumbel(entries=3)
    features = torch.randn(4, *shape, generator=seeded())
    found = code(features, None, module(code, shape, False))
    assert found.indices is not None
    assert found.indices.shape == (4, *code.places(shape)) == (4, 2, 2, 2)
    assert torch.equal(vectors_of(found.z, 3).argmax(2), vectors_of(features, 3).argmax(2))
    assert torch.equal(code.from_indices(found.indices, shape, None), found.z.double())
    assert code.bits(shape) == pytest.approx(8 * math.log2(3))


def test_the_straight_through_gradient_is_that_of_the_relaxed_code():
    """By finite differences of the relaxed code, whose value the straight-through code doesn't have."""
    shape = (4,)
    relaxed = Gumbel(entries=4, cooling=0, temperature=0.8)
    through = relaxed.replace(straight_through=True)
    draws = relaxed.draw(1, shape, seeded(1)).double()
    features = torch.randn(1, 4, generator=seeded(), dtype=torch.float64).requires_grad_()
    slopes = torch.randn(1, 4, generator=seeded(2), dtype=torch.float64)
    hard = through(features, draws, module(through, shape))
    assert set(hard.z.unique().tolist()) == {0.0, 1.0}
    (gradient,) = torch.autograd.grad((hard.z * slopes).sum(), features)
    for place in range(4):
        step = torch.zeros(1, 4, dtype=torch.float64)
        step[0, place] = 1e-6
        ends = [
            (relaxed(features.detach() + way * step, draws, module(relaxed, shape)).z * slopes).sum() for way in (1, -1)
        ]
        assert float(gradient[0, place]) == pytest.approx(float(ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-9)


def test_the_temperature_falls_exponentially_with_the_epochs_and_then_stays():
    code = Gumbel(temperature=1.0, last_temperature=0.25, cooling=4)
    found = [float(code.temperature_at(torch.tensor([epochs]))) for epochs in (0.0, 2.0, 4.0, 9.0)]
    assert found == pytest.approx([1.0, 0.5, 0.25, 0.25])
    assert code.temperature_at(None) == 0.25
    assert not code.replace(cooling=0).scheduled
    with pytest.raises(BlueprintError, match="last_temperature=2 is above temperature=1"):
        Gumbel(last_temperature=2.0)


def test_training_cools_the_code_as_the_schedule_says():
    data = ist.open_data(torch.rand(32, 6, generator=seeded()).numpy(), test=0, validation=0)
    seen = []

    class Watched(Gumbel):
        kind = "watched-gumbel"

        def temperature_at(self, epochs):
            if epochs is not None:
                seen.append(float(epochs[0]))
            return super().temperature_at(epochs)

    blueprint = ist.Blueprint(
        network=Dense(), code=Watched(size=4, entries=2), distance=Likelihood(), penalties=(Kl(),)
    )
    ist.fit(blueprint.build(data), data, epochs=2, batch_size=16, compile=False, progress=False, device="cpu")
    assert seen == pytest.approx([0.0, 0.5, 1.0, 1.5])


def test_its_prior_draws_every_value_equally_often_and_knows_their_probability():
    model = ist.Blueprint(network=Dense(), code=Gumbel(size=6, entries=3), distance=Likelihood()).build((4,))
    z = model.code.prior.new(9000, model, seeded())
    shares = vectors_of(z, 3).mean((0, 1))
    assert float((shares - 1 / 3).abs().max()) < 0.02
    torch.testing.assert_close(model.code.prior.log_prob(z[:2], model), torch.full((2,), -2 * math.log(3)))


def test_the_log_probability_of_a_relaxed_draw_is_refused():
    code, penalties = Gumbel(size=6, entries=3), (Kl(mode="draws"),)
    with pytest.raises(BlueprintError, match="have no density in training"):
        ist.Blueprint(network=Dense(), code=code, distance=Likelihood(), penalties=penalties).build((4,))
    through = code.replace(straight_through=True)
    model = ist.Blueprint(network=Dense(), code=through, distance=Likelihood(), penalties=penalties).build((4,))
    assert bool(model.loss(model(torch.rand(3, 4), model.draw(3, seeded())))[0].isfinite())


def test_sizes_that_do_not_come_out_even_and_other_codes_with_its_prior_are_refused():
    with pytest.raises(BlueprintError, match="can't be cut into variables of entries=4"):
        ist.Blueprint(network=Dense(), code=Gumbel(size=6, entries=4)).build((9,))
    with pytest.raises(BlueprintError, match="prior 'uniform' needs a code of symbols"):
        ist.recipe("deep", code=2).replace(code=ist.parts.Plain(size=2, prior=ist.parts.Uniform())).build((9,))
