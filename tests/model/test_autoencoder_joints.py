"""The composition's joints: labels beside the samples, missing numbers, several draws of a code, and rivals."""

import math
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import isthmus as ist
from isthmus.errors import BlueprintError, DataError
from isthmus.model.batch import Inputs
from isthmus.parts import Bce, Code, CodeKind, Conv, Dense, Mse, Penalty, Plain
from isthmus.parts.layers import frozen
from isthmus.training.optimisers import Optimiser
from isthmus.training.settings import Settings
from isthmus.training.steps import make_step


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blueprint(**options) -> ist.Blueprint:
    return ist.Blueprint(**{"network": Dense(widths=(9,)), "code": Plain(size=3)} | options)


@pytest.fixture(scope="module")
def data() -> ist.Data:
    return ist.open_data("digits")


@pytest.mark.parametrize("network", [Dense(widths=(9,)), Conv(channels=(4,))], ids=str)
def test_labels_reach_the_encoder_and_the_decoder(network, data):
    model = blueprint(network=network, condition="labels").build(data)
    raw, labels = data.train.batch(torch.arange(6)), data.train.labels[:6]
    with torch.no_grad():
        for weight in model.parameters():  # the output starts at the mean, where nothing has a say
            weight.normal_(0, 0.3, generator=generator())
    seen, other = model(raw, labels=labels), model(raw, labels=(labels + 1) % 10)
    assert not torch.equal(seen.code.z, other.code.z)
    assert not torch.equal(model.decode(seen.code.z, labels), model.decode(seen.code.z, (labels + 1) % 10))
    torch.testing.assert_close(model.reconstruct(raw, labels), model.scaling.inverse(seen.reconstruction))


def test_a_conditional_run_trains_comes_back_and_is_judged(data, tmp_path):
    model = blueprint(condition="labels").build(data)
    assert model.blueprint is not None
    assert model.blueprint.classes == 10
    run = ist.fit(model, data, epochs=1, compile=False, progress=False, out=tmp_path / "run")
    again = ist.load(tmp_path / "run")
    codes = again.encode(data.test)
    assert torch.equal(codes, run.encode(data.test))
    assert again.decode(codes, data.test.labels).shape == (180, 1, 8, 8)
    assert again.evaluate()["test"]["mse"]["model"] > 0
    assert again.report().exists()


def test_a_condition_without_labels_is_refused(data):
    with pytest.raises(BlueprintError, match="needs labels"):
        blueprint(condition="labels").build((1, 8, 8))
    model = blueprint(condition="labels").build(data)
    raw = data.train.batch(torch.arange(3))
    for use in (model, model.encode, model.reconstruct):
        with pytest.raises(DataError, match="conditioned on labels"):
            use(raw)
    unlabelled = ist.open_data(data.train.tensor().numpy())
    with pytest.raises(DataError, match="conditioned on labels"):
        ist.fit(model, unlabelled, epochs=1, progress=False)


@pytest.mark.parametrize("network", [Dense(widths=(9,)), Conv(channels=(4,))], ids=str)
def test_missing_numbers_do_not_count_and_come_out_filled(network):
    model = blueprint(network=network, missing="mask", distance=Mse(link="identity")).build((2, 6, 5), remarks=False)
    raw = torch.rand(4, 2, 6, 5, generator=generator())
    holes = torch.rand(4, 2, 6, 5, generator=generator(1)) < 0.3
    seen = model(torch.where(holes, torch.nan, raw))
    assert torch.equal(seen.observed, ~holes)
    error = (seen.reconstruction.detach() - raw).square()
    expected = [float(error[i][~holes[i]].mean()) for i in range(4)]
    assert model.objective.terms(seen, model)["distance"].tolist() == pytest.approx(expected, rel=1e-5)
    total, _ = model.loss(seen)
    gradients = torch.autograd.grad(total, list(model.parameters()))
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)
    assert bool(model.reconstruct(torch.where(holes, torch.nan, raw)).isfinite().all())
    assert not torch.equal(model.encode(raw * ~holes), model.encode(torch.where(holes, torch.nan, raw)))


class Several(CodeKind):
    """Each code drawn `times` times around the features."""

    times: int = 3

    def draw(self, count, code, generator, draws=None):
        return torch.randn(count, self.times, *code, generator=generator)

    def __call__(self, features, draws=None, module=None):
        if draws is None:
            return Code(z=features)
        return Code(z=(features[:, None] + draws).transpose(0, 1).flatten(0, 1))


class Length(Penalty):
    """Squared length of each draw."""

    def __call__(self, seen, model, draws=None):
        return seen.code.z.square().sum(1)


@pytest.mark.parametrize("bound", ["mean", "log-mean-exp"])
def test_several_draws_of_a_code_become_one_loss(bound):
    made = blueprint(code=Several(size=3), distance=Bce(), penalties=(Length(weight=0.5),), bound=bound)
    model = made.build((1, 4, 4))
    raw = torch.rand(5, 1, 4, 4, generator=generator())
    seen = model(raw, model.draw(5, generator(1)))
    assert seen.output.shape == (15, 1, 4, 4)
    total, terms = model.loss(seen)
    losses = np.empty((3, 5))
    for draw in range(3):
        for sample in range(5):
            place = 5 * draw + sample
            z, output = seen.code.z[place].detach().double().numpy(), seen.output[place].detach().double().numpy()
            error = np.logaddexp(0, output) - raw[sample].double().numpy() * output
            losses[draw, sample] = error.sum() + 0.5 * (z**2).sum()
    expected = losses.mean() if bound == "mean" else -np.log(np.exp(-losses).mean(0)).mean()
    assert float(total.detach()) == pytest.approx(expected, rel=1e-5)
    assert set(terms) == {"distance", "length"}


def test_a_bound_of_probabilities_needs_a_likelihood():
    with pytest.raises(BlueprintError, match="likelihood"):
        blueprint(bound="log-mean-exp").build((1, 4, 4))


class Epochs(Penalty):
    """How far training is."""

    scheduled: ClassVar[bool] = True

    def __call__(self, seen, model, draws=None):
        return torch.zeros(len(seen.clean)) if seen.batch.epochs is None else seen.batch.epochs


def test_a_penalty_that_follows_a_schedule_is_told_how_far_training_is(data):
    rows = ist.fit(
        blueprint(penalties=(Epochs(),)).build(data), data, epochs=2, batch_size=256, compile=False, progress=False
    ).history
    steps = -(-len(data.train) // 256)
    sizes = [min(256, len(data.train) - 256 * step) for step in range(steps)]
    expected = [epoch + np.average(np.arange(steps) / steps, weights=sizes) for epoch in range(2)]
    assert [row["epochs"] for row in rows] == pytest.approx(expected, rel=1e-4)


class Critic(Penalty):
    """A rival that is to tell codes from drawn numbers; the code is to be taken for drawn ones."""

    def module(self, shape, code, generator):
        layer = nn.Linear(math.prod(code), 1)
        with torch.no_grad():
            layer.weight.normal_(generator=generator)
        return layer

    @property
    def own_rate(self) -> float:
        return 0.5

    def draw(self, count, model, generator):
        return torch.randn(count, *model.code_shape, generator=generator)

    def __call__(self, seen, model, draws=None) -> Tensor:
        return F.softplus(-frozen(model.module_of(self))(seen.code.z))[:, 0]

    def rival(self, out, model, draws=None) -> Tensor:
        judge = model.module_of(self)
        told = F.softplus(judge(out.code.z))[:, 0]
        return told if draws is None else told + F.softplus(-judge(draws))[:, 0]


def test_the_penaltys_gradient_reaches_the_model_alone_and_the_rivals_the_rival_alone(data):
    model = blueprint(penalties=(Critic(weight=0.3),)).build(data)
    plain = blueprint().build(data)
    raw = data.train.batch(torch.arange(8))
    draws = model.draw(8, generator())
    seen = model(raw, draws)
    total, terms = model.loss(seen)
    assert float(total.detach()) == pytest.approx(float((terms["distance"] + 0.3 * terms["critic"]).detach()))
    (judge,) = model.objective.penalty_modules.values()
    assert isinstance(judge, nn.Linear)
    own = list(judge.parameters())
    others = [weight for name, weight in model.named_parameters() if not name.startswith("objective")]
    assert len(others) == len(list(plain.parameters()))
    found = torch.autograd.grad(total, [*others, *own])

    z = seen.code.z.detach()
    told = (F.softplus(judge(z)) + F.softplus(-judge(draws["penalties"]["critic"]))).mean()
    torch.testing.assert_close(found[len(others) :], torch.autograd.grad(told, own))
    held = nn.Linear(3, 1)
    held.load_state_dict(judge.state_dict())
    seen = model(raw, draws)
    loss = model.distance(seen.output, seen.clean).mean() + 0.3 * F.softplus(-held(seen.code.z)).mean()
    torch.testing.assert_close(found[: len(others)], torch.autograd.grad(loss, others))


class StopInTheMiddle(ist.Callback):
    def batch_end(self, training):
        if (training.state.epoch, training.state.step) == (1, 1):
            training.stop("interrupted")


def test_a_rival_is_trained_saved_and_resumed_with_the_rest(data, tmp_path):
    made = blueprint(penalties=(Critic(),))
    settings = {"epochs": 2, "batch_size": 256, "compile": False, "progress": False}
    start = made.build(data).get_parameter("objective.penalty_modules.critic.weight").clone()
    whole = ist.fit(made.build(data), data, out=tmp_path / "whole", **settings)
    ist.fit(made.build(data), data, out=tmp_path / "broken", callbacks=[StopInTheMiddle()], **settings)
    resumed = ist.resume(tmp_path / "broken", data=data, progress=False)
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, resumed.model.state_dict()[name])
        assert torch.equal(weight, ist.load(tmp_path / "whole").model.state_dict()[name])
    assert not torch.equal(whole.model.get_parameter("objective.penalty_modules.critic.weight"), start)
    assert "critic rival" in whole.history[0]
    assert whole.best_epoch == 2


def test_a_rivals_step_is_its_own_share_of_the_learning_rate(data):
    moves = []
    for rate in (1.0, 0.5):
        model = blueprint(penalties=(Critic(),)).build(data)
        weights = model.get_parameter("objective.penalty_modules.critic.weight")
        before = weights.clone()
        optimiser = Optimiser(
            Settings(optimiser="sgd"), dict(model.named_parameters()), {"objective.penalty_modules.critic.weight": rate}
        )
        optimiser.step([torch.ones_like(weight) for weight in model.parameters()], 0.1)
        moves.append(float((weights - before).mean().detach()))
    assert moves == pytest.approx([-0.1, -0.05], rel=1e-4)


@pytest.mark.usefixtures("traced")
def test_a_step_with_a_rival_compiled_equals_eager(data):
    raw = data.train.batch(torch.arange(32))
    moved = []
    for compiled in (False, True):
        model = blueprint(penalties=(Critic(),)).build(data)
        settings = Settings(compile=compiled, optimiser="sgd")
        step = make_step(model, Optimiser(settings, dict(model.named_parameters())), settings, torch.device("cpu"), 32)
        step(Inputs(raw, model.draw(32, generator())), None, 0.1)
        moved.append({name: weight.clone() for name, weight in model.state_dict().items()})
    torch.testing.assert_close(*moved, rtol=1e-4, atol=1e-5)
