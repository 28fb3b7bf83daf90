"""Penalties against their formulas, finite differences and NumPy in float64."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.batch import Inputs
from isthmus.model.blueprint import Blueprint
from isthmus.parts import ActivationL1, CodeKind, Contraction, Dense, Penalty, Plain, SparsityKl, TopK
from isthmus.parts.codes import Code
from isthmus.parts.model import code_of
from isthmus.parts.penalties import names_of
from isthmus.parts.penalties.contraction import estimated_norm, exact_norm
from isthmus.parts.penalties.penalty import TAKEN
from isthmus.training.optimisers import Optimiser
from isthmus.training.settings import Settings
from isthmus.training.steps import make_step

SHAPE = (5,)


def build(*penalties, network=None, code=None):
    network, code = network or Dense(widths=(6,)), code or Plain(size=3)
    return Blueprint(network=network, code=code, penalties=penalties).build(SHAPE)


def samples(count=4, shape=SHAPE):
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("layer", [None, "encoder.dense1", "decoder.output"])
def test_activation_l1_sums_the_absolute_activations_of_a_layer(layer):
    penalty = ActivationL1(layer=layer)
    model = build(penalty)
    seen = model(samples())
    values = (seen.code.z if layer is None else seen.layers[layer]).detach().numpy().astype(np.float64)
    assert np.allclose(penalty(seen, model).detach().numpy(), np.abs(values).reshape(4, -1).sum(1), rtol=1e-6)


@pytest.mark.parametrize("kind", [ActivationL1, SparsityKl])
def test_a_layer_that_does_not_exist_is_named_with_the_nearest_when_the_model_is_built(kind):
    with pytest.raises(BlueprintError, match=r"no layer 'encoder\.dens1'.*'encoder\.dense1'"):
        build(kind(layer="encoder.dens1"))


@pytest.mark.parametrize("layer", [None, "encoder.dense1"])
def test_sparsity_kl_is_the_divergence_between_coins(layer):
    penalty = SparsityKl(rate=0.2, layer=layer)
    model = build(penalty, network=Dense(widths=(6,), activation="sigmoid"), code=Plain(size=3, activation="sigmoid"))
    seen = model(samples(9))
    mean = seen.activations(layer).detach().numpy().astype(np.float64).mean(0)
    expected = (0.2 * np.log(0.2 / mean) + 0.8 * np.log(0.8 / (1 - mean))).sum()
    found = penalty(seen, model)
    assert found.shape == (9,)
    assert np.allclose(found.detach().numpy(), expected, rtol=1e-5)


@given(st.floats(0.01, 0.99))
def test_sparsity_kl_is_nothing_at_its_rate_and_finite_where_units_are_stuck(rate):
    penalty = SparsityKl(rate=rate)
    model = build(penalty, code=Plain(size=3, activation="sigmoid"))
    seen = model(samples(2))
    seen.code.z = torch.full((2, 3), rate)
    assert abs(float(penalty(seen, model)[0])) < 1e-5
    for stuck in (0.0, 1.0):
        seen.code.z = torch.full((2, 3), stuck)
        assert 0 < float(penalty(seen, model)[0]) < 100


@pytest.mark.parametrize(
    ("penalty", "code"),
    [
        (SparsityKl(), Plain(size=3)),
        (SparsityKl(), Plain(size=3, activation="relu")),
        (SparsityKl(), Plain(size=3, activation="tanh")),
        (SparsityKl(), TopK(size=3)),
        (SparsityKl(layer="encoder.dense1"), Plain(size=3, activation="sigmoid")),
    ],
    ids=str,
)
def test_sparsity_kl_is_refused_where_activations_can_leave_0_to_1(penalty, code):
    with pytest.raises(BlueprintError, match=r"sparsity-kl needs activations in 0\.\.1.*sigmoid") as caught:
        build(penalty, code=code)
    assert "\n" not in str(caught.value)


def by_finite_differences(model: Autoencoder, x: Tensor) -> np.ndarray:
    """(N,) squared norms of dz/dx by central differences in float64."""
    step = 1e-6
    total = np.zeros(len(x))
    with torch.no_grad():
        for place in range(x[0].numel()):
            move = torch.zeros_like(x[0]).flatten()
            move[place] = step
            move = move.view(x.shape[1:])
            slope = (code_of(model, x + move) - code_of(model, x - move)) / (2 * step)
            total += slope.flatten(1).square().sum(1).numpy()
    return total


CONTRACTIONS = {
    "closed, sigmoid": (Dense(), Plain(size=3, activation="sigmoid")),
    "closed, tanh": (Dense(tied=True), Plain(size=4, activation="tanh")),
    "closed, relu": (Dense(), Plain(size=8, activation="relu")),
    "closed, identity": (Dense(), Plain(size=(2, 2))),
    "one layer, no closed form": (Dense(), Plain(size=3, activation="silu")),
    "backward, from the first product on": (Dense(widths=(5,), activation="tanh"), Plain(size=3, activation="sigmoid")),
    "backward": (Dense(widths=(7,), activation="tanh"), Plain(size=3, activation="sigmoid")),
    "forward": (Dense(widths=(7, 6), activation="gelu", normalisation="layer"), Plain(size=9, activation="tanh")),
    "k largest": (Dense(widths=(7,), activation="silu"), TopK(size=4, k=2)),
}


@pytest.mark.parametrize("name", CONTRACTIONS)
def test_contraction_is_what_finite_differences_say(name):
    network, code = CONTRACTIONS[name]
    penalty = Contraction()
    model = build(penalty, network=network, code=code).double()
    seen = model(samples().double())
    found = penalty(seen, model).detach().numpy()
    assert np.allclose(found, by_finite_differences(model, seen.clean), rtol=1e-5)


@pytest.mark.parametrize("sizes", [(5, 3), (3, 5)], ids=["backward", "forward"])
def test_the_exact_norm_is_the_jacobians_either_way(sizes):
    before, after = sizes
    layer = nn.Sequential(nn.Linear(before, after), nn.Tanh()).double()
    x = samples(6, (before,)).double()
    jacobians = torch.stack([torch.autograd.functional.jacobian(layer, one) for one in x])  # pyright: ignore
    assert torch.allclose(exact_norm(layer, x, after), jacobians.square().sum((1, 2)), rtol=1e-12)


def test_the_gram_matrix_stands_for_the_first_product():
    first, rest = nn.Linear(7, 4).double(), nn.Sequential(nn.Tanh(), nn.Linear(4, 3), nn.Sigmoid()).double()
    x = samples(6, (7,)).double()
    gram = first.weight @ first.weight.T
    whole = exact_norm(lambda u: rest(first(u)), x, 3)
    assert torch.allclose(exact_norm(rest, first(x), 3, gram), whole, rtol=1e-12)
    every = torch.cartesian_prod(*[torch.tensor([-1, 1])] * 3).expand(6, 8, 3)
    assert torch.allclose(estimated_norm(rest, first(x), every, gram), whole, rtol=1e-12)


def test_the_estimate_is_exact_over_all_signs_and_right_on_average():
    layer = nn.Sequential(nn.Linear(4, 3), nn.Tanh()).double()
    x = samples(6, (4,)).double()
    every = torch.cartesian_prod(*[torch.tensor([-1, 1])] * 3).expand(6, 8, 3)
    exact = exact_norm(layer, x, 3)
    assert torch.allclose(estimated_norm(layer, x, every), exact, rtol=1e-12)
    wide = build(Contraction(mode="estimate", probes=2000))
    seen = wide(samples(), wide.draw(4, torch.Generator().manual_seed(1)))
    exact = wide(samples())
    estimate, true = wide.objective.terms(seen, wide)["contraction"], wide.objective.terms(exact, wide)["contraction"]
    assert torch.allclose(estimate, true, rtol=0.1)
    assert not torch.equal(estimate, true)


def test_only_an_estimate_draws():
    generator = torch.Generator()
    assert "penalties" not in build(Contraction()).draw(7, generator)
    assert "penalties" not in build(Contraction(), network=Dense()).draw(7, generator)
    signs = build(Contraction(mode="estimate", probes=2)).draw(7, generator)["penalties"]["contraction"]
    assert signs.shape == (7, 2, 3)
    assert set(signs.unique().tolist()) == {-1, 1}
    wide = Blueprint(network=Dense(widths=(80,)), code=Plain(size=70), penalties=(Contraction(),)).build((90,))
    assert wide.draw(2, generator)["penalties"]["contraction"].shape == (2, 1, 70)


@pytest.mark.parametrize("mode", ["exact", "estimate"])
def test_the_gradient_of_contraction_is_what_finite_differences_say(mode):
    model = build(Contraction(mode=mode, weight=1.0), network=Dense(widths=(4,), activation="tanh")).double()
    x = samples().double()
    draws = model.draw(4, torch.Generator().manual_seed(0))
    weights = {name: weight.detach() for name, weight in model.named_parameters()}
    terms = Terms(model)

    def mean(own: dict[str, Tensor]) -> Tensor:
        return torch.func.functional_call(terms, {f"model.{name}": value for name, value in own.items()}, (x, draws))

    pure = torch.func.grad(mean)(weights)
    for name, weight in weights.items():
        move = torch.zeros_like(weight)
        move.flatten()[0] = 1e-6
        rise = float(mean(weights | {name: weight + move}) - mean(weights | {name: weight - move}))
        assert rise / 2e-6 == pytest.approx(float(pure[name].flatten()[0]), rel=1e-4, abs=1e-6)
    eager = torch.autograd.grad(terms(x, draws), list(model.parameters()), materialize_grads=True)
    assert all(torch.allclose(one, other) for one, other in zip(eager, pure.values(), strict=True))


@pytest.mark.usefixtures("traced")
def test_contraction_moves_the_weights_alike_compiled_and_eager():
    penalties = (Contraction(mode="exact"), Contraction(mode="estimate"), SparsityKl())
    parts = {"network": Dense(widths=(4,), activation="tanh"), "code": Plain(size=3, activation="sigmoid")}
    moved = []
    for compile_ in (False, True):
        model = build(*penalties, **parts)
        settings = Settings(compile=compile_, optimiser="sgd")
        optimiser = Optimiser(settings, dict(model.named_parameters()))
        step = make_step(model, optimiser, settings, torch.device("cpu"), 16)
        loss, _ = step(Inputs(samples(16), model.draw(16, torch.Generator().manual_seed(0))), None, 0.1)
        moved.append({"loss": loss} | model.state_dict())
    torch.testing.assert_close(*moved, rtol=1e-4, atol=1e-5)


class Terms(nn.Module):
    """A model's contraction, so that one call makes it from other weights."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x, draws):
        return self.model.objective.terms(self.model(x, draws), self.model)["contraction"].mean()


class Stepped(CodeKind):
    """A code without a derivative."""

    differentiable = False

    def __call__(self, features, draws=None, module=None):
        return Code(z=features.round())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"code": Stepped(size=3)}, "needs a code with a derivative, but a stepped code has none"),
        ({"network": Dense(widths=(4,), normalisation="batch")}, "batch normalisation mixes them"),
    ],
)
def test_contraction_is_refused_where_there_is_no_derivative_of_each_sample(options, words):
    with pytest.raises(BlueprintError, match=words) as caught:
        build(Contraction(), **options)
    assert "\n" not in str(caught.value)


def test_the_weight_grows_in_a_straight_line():
    penalty = ActivationL1(weight=2.0, warmup=4)
    assert [penalty.weight_at(epochs) for epochs in (0, 1, 2, 4, 9)] == [0, 0.5, 1.0, 2.0, 2.0]
    assert ActivationL1(weight=2.0).weight_at(0) == 2.0


def test_penalties_that_come_again_are_numbered():
    class Other(ActivationL1):
        pass

    try:
        penalties = [ActivationL1(), Other(), ActivationL1(), Other(), ActivationL1()]
        assert names_of(penalties) == ["activation-l1", "other", "activation-l1#2", "other#2", "activation-l1#3"]
    finally:
        del ActivationL1._kinds["other"]


@pytest.mark.parametrize("kind", ["loss", "distance", "code", "epoch", "seconds", "learning_rate", "validation_l1"])
def test_a_penalty_cannot_be_called_as_something_else_in_the_history(kind):
    with pytest.raises(BlueprintError, match=f"gives the penalty Own the kind '{kind}': expected"):
        type("Own", (Penalty,), {"__module__": __name__, "kind": kind})
    assert kind not in Penalty.kinds()


def test_every_figure_of_the_history_is_a_name_that_no_penalty_can_have():
    data = ist.open_data("digits")
    run = ist.fit(ist.recipe("vanilla", code=2).build(data), data, epochs=1, progress=False, compile=False)
    assert all(name in TAKEN or name.startswith("validation_") for name in run.history[0])
