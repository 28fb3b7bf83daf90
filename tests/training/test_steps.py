"""A step is the same step whichever way it is taken."""

import copy
from typing import Any

import pytest
import torch

from isthmus.data import open_data
from isthmus.errors import Remark, TrainingError
from isthmus.fitting import fit, resume
from isthmus.model.batch import Inputs
from isthmus.model.blueprint import Blueprint
from isthmus.model.recipes import recipe
from isthmus.parts import ActivationL1, Conv, Dense, Plain
from isthmus.training import graph, steps
from isthmus.training.optimisers import Optimiser
from isthmus.training.settings import Settings
from isthmus.training.steps import make_step, worth_compiling

CPU = torch.device("cpu")


def _after(model, settings: Settings, batches: list[torch.Tensor], rate: float = 1e-2):
    model = copy.deepcopy(model)
    model.train()
    optimiser = Optimiser(settings, dict(model.named_parameters()))
    step = make_step(model, optimiser, settings, CPU, batch_size=len(batches[0]))
    generator = torch.Generator().manual_seed(5)
    losses = [step(Inputs(raw, model.draw(len(raw), generator)), None, rate)[0] for raw in batches]
    return model.state_dict(), torch.stack(losses)


def _batches(shape: tuple[int, ...], sizes: tuple[int, ...] = (16, 16, 5)) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(size, *shape, generator=generator) for size in sizes]


BLUEPRINTS = {
    "dense": Blueprint(network=Dense(widths=(12,)), code=Plain(size=4, activation="relu")),
    "tied": Blueprint(network=Dense(widths=(12,), tied=True), code=Plain(size=4)),
    "everything": Blueprint(
        network=Dense(widths=(12,), dropout=0.3, normalisation="batch"),
        code=Plain(size=4, activation="sigmoid"),
        penalties=(ActivationL1(weight=0.01), ActivationL1(weight=0.02, layer="encoder.dense1")),
    ),
    "conv": Blueprint(network=Conv(channels=(8, 4)), code=Plain(activation="relu")),
    "conv, odd": Blueprint(
        network=Conv(channels=(9,), activation="silu"),
        penalties=(ActivationL1(weight=0.02, layer="encoder.conv1"),),
    ),
}
SETTINGS = {"dense": Settings(), "tied": Settings(), "everything": Settings(clip=0.5)}
SHAPES = {"conv": (1, 28, 28), "conv, odd": (2, 7, 5)}
COMPILED = "conv, odd"
"""This one is compiled to the end, which takes 10 s. The others are traced, and what is traced is run."""


@pytest.mark.parametrize("name", BLUEPRINTS)
def test_compiled_step_equals_eager_step(name: str, request: pytest.FixtureRequest) -> None:
    if name != COMPILED:
        request.getfixturevalue("traced")
    shape = SHAPES.get(name, (1, 6, 5))
    model = BLUEPRINTS[name].build(shape, remarks=False)
    # Adam makes full steps of gradients that are 0 but for rounding, of which sums of many pixels have some
    settings = SETTINGS.get(name, Settings(optimiser="sgd"))
    eager, eager_losses = _after(model, settings.replace(compile=False), _batches(shape))
    compiled, losses = _after(model, settings.replace(compile=True), _batches(shape))
    torch.testing.assert_close(losses, eager_losses, rtol=1e-4, atol=1e-5)
    for key in eager:
        torch.testing.assert_close(compiled[key], eager[key], rtol=1e-3, atol=1e-4)


def test_step_that_cannot_be_compiled_runs_uncompiled_with_a_remark(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: object) -> None:
        raise RuntimeError("No working C++ compiler found")

    monkeypatch.setattr(steps, "compile_pure", fails)
    model = BLUEPRINTS["dense"].build((1, 6, 5))
    with pytest.warns(Remark, match="could not be compiled"):
        weights, _ = _after(model, Settings(compile=True), _batches((1, 6, 5)))
    expected, _ = _after(model, Settings(compile=False), _batches((1, 6, 5)))
    assert all(torch.equal(weights[key], expected[key]) for key in expected)


def test_step_in_pieces_equals_step_on_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Blueprint(network=Conv(dropout=0.2), code=Plain(size=4)).build((1, 9, 9))
    whole, whole_losses = _after(model, Settings(compile=False), _batches((1, 9, 9), (20, 20)))
    monkeypatch.setattr(steps, "PIECE", 8)
    pieces, losses = _after(model, Settings(compile=False), _batches((1, 9, 9), (20, 20)))
    torch.testing.assert_close(losses, whole_losses, rtol=1e-4, atol=1e-6)
    for key in whole:
        torch.testing.assert_close(pieces[key], whole[key], rtol=1e-3, atol=1e-4)


def test_bfloat16_learns_what_float32_learns() -> None:
    model = BLUEPRINTS["dense"].build((1, 6, 5))
    batches = _batches((1, 6, 5), (64,)) * 60
    _, exact = _after(model, Settings(compile=False), batches)
    weights, losses = _after(model, Settings(compile=False, precision="bfloat16"), batches)
    assert losses[-1] < 0.8 * losses[0]
    assert losses[-1] == pytest.approx(float(exact[-1]), rel=0.1)
    assert all(value.dtype == torch.float32 for value in weights.values())


def test_no_gradient_is_rounded_by_way_of_its_transpose(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs: list[Any] = []
    monkeypatch.setattr("torch._inductor.compile", lambda graph, tensors: graphs.append(graph) or graph)
    model = BLUEPRINTS["dense"].build((1, 6, 5))
    settings = Settings(optimiser="sgd", precision="bfloat16")
    eager, eager_losses = _after(model, settings.replace(compile=False), _batches((1, 6, 5)))
    weights, losses = _after(model, settings.replace(compile=True), _batches((1, 6, 5)))
    torch.testing.assert_close(losses, eager_losses, rtol=1e-3, atol=1e-4)
    for key in eager:
        torch.testing.assert_close(weights[key], eager[key], rtol=1e-2, atol=1e-3)
    casts = [node.args[0] for node in graphs[0].graph.nodes if "_to_copy" in str(node.target)]
    transposed = [node for node in casts if "aten.t." in str(node.target) and "aten.t." not in str(node.args[0].target)]
    assert len(casts) > 8
    assert not transposed


def test_compilation_is_chosen_for_long_runs_of_networks_that_gain() -> None:
    dense, conv = recipe("deep").build((1, 28, 28)), recipe("conv").build((1, 28, 28))
    strided = Blueprint(network=Conv(form="strided")).build((1, 28, 28), remarks=False)
    assert worth_compiling(dense, Settings(epochs=1000), 60000, CPU)
    assert not worth_compiling(dense, Settings(epochs=5), 60000, CPU)
    assert worth_compiling(conv, Settings(epochs=100), 60000, CPU)
    assert not worth_compiling(conv, Settings(epochs=100), 1000, CPU)
    assert not worth_compiling(strided, Settings(epochs=1000), 60000, CPU)


def test_a_single_sample_left_over_joins_the_batch_before_it_where_batches_are_normalised() -> None:
    plain, normalised = (
        Blueprint(network=Dense(widths=(5,), normalisation=kind), code=Plain(size=2)).build((4,))
        for kind in (None, "batch")
    )
    assert [steps.count_steps(plain, count, 16) for count in (16, 17, 18, 33)] == [1, 2, 2, 3]
    assert [steps.count_steps(normalised, count, 16) for count in (16, 17, 18, 33)] == [1, 1, 2, 2]
    with pytest.raises(TrainingError, match="two samples in a batch"):
        steps.count_steps(normalised, 5, 1)


@pytest.mark.parametrize("solution", ["gradient", "layer by layer"])
def test_every_sample_is_trained_where_one_is_left_over_and_resuming_gives_the_same_bits(solution, tmp_path) -> None:
    data = open_data(torch.rand(17, 6, generator=torch.Generator().manual_seed(0)).numpy(), validation=0, test=0)
    network = Dense(widths=(5,), normalisation="batch")
    blueprint = Blueprint(network=network, code=Plain(size=2), solution=solution)
    settings: Any = {"batch_size": 8, "layer_epochs": 1, "compile": False, "progress": False}
    whole = fit(blueprint.build(data), data, epochs=3, out=tmp_path / "whole", **settings)
    fit(blueprint.build(data), data, epochs=1, out=tmp_path / "broken", **settings)
    resumed = resume(tmp_path / "broken", data=data, epochs=3, progress=False)
    assert torch.isfinite(torch.tensor([row["loss"] for row in whole.history])).all()
    expected, found = whole.model.state_dict(), resumed.model.state_dict()
    assert all(torch.equal(value, found[name]) for name, value in expected.items())


def test_a_step_is_compiled_by_pytorchs_own_compiler_where_its_private_parts_differ(monkeypatch) -> None:
    model = BLUEPRINTS["dense"].build((1, 6, 5), remarks=False)
    eager, losses = _after(model, Settings(compile=False, optimiser="sgd"), _batches((1, 6, 5)))
    compiled: list[bool] = []

    def lacks(*_):
        raise ImportError("cannot import name 'make_fx'")

    def compile_(function, fullgraph, dynamic):
        compiled.append(fullgraph)
        return real(function, fullgraph=fullgraph, dynamic=dynamic, backend="eager")

    real = torch.compile
    monkeypatch.setattr(graph, "_without_checks", lacks)
    monkeypatch.setattr(torch, "compile", compile_)
    found, same = _after(model, Settings(compile=True, optimiser="sgd"), _batches((1, 6, 5)))
    assert compiled == [True]
    torch.testing.assert_close(same, losses)
    torch.testing.assert_close(found, eager)
