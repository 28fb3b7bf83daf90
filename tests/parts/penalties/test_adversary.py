"""Adversaries: their losses against NumPy, their slopes against finite differences, and whom they teach."""

import numpy as np
import pytest
import torch

from isthmus.errors import BlueprintError, UseError
from isthmus.model.batch import Inputs
from isthmus.model.blueprint import Blueprint
from isthmus.parts import (
    CodeAdversary,
    DataSpec,
    Dense,
    IndependenceAdversary,
    OutputAdversary,
    Plain,
    PredictsResidual,
)
from isthmus.parts.penalties.adversary import squared_slope
from isthmus.parts.penalties.output_adversary import STEP
from isthmus.training.optimisers import Optimiser
from isthmus.training.settings import Settings
from isthmus.training.steps import make_step

SHAPE = (5,)


def build(penalty, shape=SHAPE, network=None):
    return Blueprint(network=network or Dense(widths=(6,)), code=Plain(size=3), penalties=(penalty,)).build(shape)


def samples(count=4, shape=SHAPE):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(0))


def passed(model, count=4):
    """The pass of some samples, and what was drawn for the penalty."""
    draws = model.draw(count, torch.Generator().manual_seed(1))
    return model(samples(count, model.shape), draws), draws["penalties"][model.objective.names[0]]


def softplus(x):
    return np.logaddexp(0, x.detach().double().numpy())


def finite_slopes(judge, x, step=1e-5):
    """(N,) squared norms of the derivative, a number at a time, in float64."""
    flat, found = x.double().flatten(1), np.zeros(len(x))
    for place in range(flat.shape[1]):
        move = torch.zeros_like(flat)
        move[:, place] = step
        up, down = (judge((flat + sign * move).view(x.shape)).detach().numpy() for sign in (1, -1))
        found += ((up - down) / (2 * step)) ** 2
    return found


def reached(loss, model):
    """The modules that a loss teaches, by the head of their name."""
    weights = dict(model.named_parameters())
    gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True)
    return {
        name.split(".")[0]
        for name, gradient in zip(weights, gradients, strict=True)
        if gradient is not None and bool(gradient.any())
    }


def test_the_code_adversarys_losses_are_the_papers():
    penalty = CodeAdversary(widths=(7,), smoothness=0.6)
    model = build(penalty)
    seen, prior = passed(model)
    judge = model.module_of(penalty)
    assert np.allclose(penalty(seen, model, prior).detach().numpy(), softplus(-judge(seen.code.z))[:, 0], rtol=1e-5)
    found = penalty.rival(seen.detached(), model, prior).detach().numpy()
    plain = (softplus(judge(seen.code.z)) + softplus(-judge(prior)))[:, 0]
    slopes = finite_slopes(lambda x: judge.double()(x)[:, 0], prior)
    assert np.allclose(found, plain + 0.3 * slopes, rtol=1e-4)


@pytest.mark.parametrize("shape", [(5,), (1, 6, 7)], ids=str)
def test_the_output_adversarys_losses_are_the_papers(shape):
    penalty = OutputAdversary(channels=(3, 4), widths=(6, 4), realism=0.7, smoothness=0.6)
    model = build(penalty, shape, Dense(widths=(6,)))
    with torch.no_grad():
        model.get_parameter("decoder.output.weight").normal_(generator=torch.Generator().manual_seed(2))
    seen, draws = passed(model)
    judge = model.module_of(penalty)
    made = model.distance.picture(model.decoder(draws["prior"]))
    real, (told, found), drawn = judge(seen.clean), judge(seen.reconstruction), judge(made)[0]
    features = (found - real[1]).detach().double().numpy()
    expected = 0.5 * (features**2).sum(1) + 0.7 * (softplus(-told) + softplus(-drawn))
    assert np.allclose(penalty(seen, model, draws).detach().numpy(), expected, rtol=1e-4)
    rival = penalty.rival(seen.detached(), model, draws).detach().numpy()
    plain = softplus(-real[0]) + 0.5 * (softplus(told) + softplus(drawn))
    moved = judge(seen.clean + STEP * draws["signs"])[0]
    slopes = ((moved - real[0]) / STEP).detach().numpy() ** 2
    assert np.allclose(rival, plain + 0.3 * slopes, rtol=1e-4)


def test_the_output_adversarys_slope_is_exact_where_nothing_is_drawn():
    slopes = []
    for smoothness in (0.0, 2.0):
        penalty = OutputAdversary(widths=(6, 4), smoothness=smoothness)
        model = build(penalty)
        seen = model(samples(4, SHAPE))
        slopes.append(penalty.rival(seen.detached(), model).detach().numpy())
    judge = model.module_of(penalty)
    expected = finite_slopes(lambda x: judge.double()(x)[0], seen.clean)
    assert np.allclose(slopes[1] - slopes[0], expected, rtol=1e-3, atol=1e-6)


def test_a_slope_is_the_derivatives_norm():
    x = samples().double()
    found = squared_slope(lambda x: (x**2).sum(1), x)
    torch.testing.assert_close(found, 4 * x.square().sum(1))


@pytest.mark.parametrize("penalty", [CodeAdversary(), OutputAdversary()], ids=str)
def test_a_rival_learns_from_its_own_loss_alone(penalty):
    model = build(penalty)
    with torch.no_grad():
        model.get_parameter("decoder.output.weight").normal_(generator=torch.Generator().manual_seed(2))
    seen, prior = passed(model)
    assert reached(penalty.rival(seen.detached(), model, prior).mean(), model) == {"objective"}
    assert "objective" not in reached(penalty(seen, model, prior).mean(), model)


def test_the_judgement_of_the_output_teaches_the_decoder_alone_and_its_features_the_encoder_too():
    taught = {}
    for realism in (0.0, 1.0):
        penalty = OutputAdversary(realism=realism)
        model = build(penalty)
        with torch.no_grad():
            model.get_parameter("decoder.output.weight").normal_(generator=torch.Generator().manual_seed(2))
        seen, prior = passed(model)
        loss = penalty(seen, model, prior).mean()
        sides = [list(getattr(model, side).parameters()) for side in ("encoder", "decoder")]
        taught[realism] = [torch.autograd.grad(loss, side, retain_graph=True) for side in sides]
    torch.testing.assert_close(taught[0.0][0], taught[1.0][0])
    assert any(bool(gradient.any()) for gradient in taught[0.0][0])
    assert any(not torch.equal(one, other) for one, other in zip(taught[0.0][1], taught[1.0][1], strict=True))


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 9), (3, 17, 5), (4, 6), (3,)], ids=str)
def test_samples_of_any_shape_are_judged(shape):
    penalty = OutputAdversary()
    model = build(penalty, shape)
    seen, prior = passed(model, 2)
    total, _ = model.loss(seen)
    assert bool(total.isfinite())
    assert penalty(seen, model, prior).shape == penalty.rival(seen, model, prior).shape == (2,)


def test_samples_with_holes_are_refused():
    with pytest.raises(BlueprintError, match="needs complete samples"):
        Blueprint(
            network=Dense(), code=Plain(size=3), penalties=(OutputAdversary(),), missing="mask"
        ).build(SHAPE)  # fmt: skip


@pytest.mark.parametrize("penalty", [CodeAdversary(widths=(8,)), OutputAdversary(widths=(8,))], ids=str)
@pytest.mark.usefixtures("traced")
def test_a_step_compiled_equals_eager(penalty):
    raw = samples(8)
    moved = []
    for compile_ in (False, True):
        model = build(penalty)
        settings = Settings(compile=compile_, optimiser="sgd")
        step = make_step(model, Optimiser(settings, dict(model.named_parameters())), settings, torch.device("cpu"), 8)
        step(Inputs(raw, model.draw(8, torch.Generator().manual_seed(0))), None, 0.1)
        moved.append({name: weight.clone() for name, weight in model.state_dict().items()})
    torch.testing.assert_close(*moved, rtol=1e-4, atol=1e-5)


def test_samples_drawn_from_codes_need_a_code_that_can_be_decoded_alone():
    penalties = (OutputAdversary(),)
    model = Blueprint(network=Dense(), code=Plain(size=2), penalties=penalties, predicts=PredictsResidual())
    built = model.build((1, 4, 4), remarks=False)
    with pytest.raises(UseError, match="its code alone can't be decoded"):
        built.loss(built(samples(4, built.shape), built.draw(4, torch.Generator())))


@pytest.mark.parametrize("smoothness", [0.0, 2.0])
def test_the_independence_adversarys_losses_are_the_papers(smoothness):
    model = build(IndependenceAdversary(weight=1.0, widths=(5,), smoothness=smoothness))
    penalty = model.objective.penalties[0]
    out, draws = passed(model, 6)
    judge = model.module_of(penalty)
    logits = judge(out.code.z)[:, 0]
    assert penalty(out, model, draws).detach().numpy() == pytest.approx(logits.detach().numpy(), rel=1e-6)
    z, order = out.code.z.detach().numpy(), draws.numpy().argsort(0)
    shuffled = torch.from_numpy(np.stack([z[order[:, place], place] for place in range(3)], 1))
    wanted = softplus(-logits) + softplus(judge(shuffled)[:, 0])
    if smoothness:
        double = judge.double()
        wanted += 0.5 * smoothness * finite_slopes(lambda x: double(x)[:, 0], shuffled)
        judge.float()
    assert penalty.rival(out.detached(), model, draws).detach().numpy() == pytest.approx(wanted, rel=1e-4)


def test_shuffling_keeps_each_dimensions_values_and_the_independence_adversary_teaches_apart():
    model = build(IndependenceAdversary(weight=1.0))
    penalty = model.objective.penalties[0]
    out, draws = passed(model, 6)
    assert (draws.argsort(0).sort(0).values == torch.arange(6)[:, None]).all()
    assert reached(penalty(out, model, draws).sum(), model) == {"encoder"}
    assert reached(penalty.rival(out.detached(), model, draws).sum(), model) == {"objective"}
    assert torch.equal(penalty.rival(out.detached(), model), penalty.rival(out.detached(), model))


def test_the_independence_adversarys_best_logits_estimate_the_total_correlation():
    """With the rival replaced by the known log-ratio of two correlated Gaussians, the penalty's mean is their TC."""
    model = build(IndependenceAdversary(weight=1.0), shape=(2,))
    penalty, correlation = model.objective.penalties[0], 0.7
    normal = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    z = normal.clone()
    z[:, 1] = correlation * normal[:, 0] + np.sqrt(1 - correlation**2) * normal[:, 1]

    class Known(torch.nn.Module):
        def forward(self, z):
            x, y, rest = z[:, 0], z[:, 1], 1 - correlation**2
            ratio = -0.5 * np.log(rest) - 0.5 * ((x**2 - 2 * correlation * x * y + y**2) / rest - x**2 - y**2)
            return ratio[:, None]

    model.objective.penalty_modules["independence-adversary"] = Known()
    out, _ = passed(model, 4)
    out.code.z = z
    found = penalty(out, model)
    error = float(found.std()) / np.sqrt(len(found))
    assert float(found.mean()) == pytest.approx(-0.5 * np.log(1 - correlation**2), abs=4 * error)


def test_the_independence_adversarys_weight_is_decided_from_the_data():
    assert IndependenceAdversary().resolve(DataSpec(inputs=196)).weight == 2.0
    assert IndependenceAdversary.over_batch
