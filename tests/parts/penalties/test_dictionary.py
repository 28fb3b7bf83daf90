"""Penalties of dictionaries: their values by hand, and where their gradients go."""

from typing import Any

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import (
    BatchTopK,
    CodeL0,
    DeadLatents,
    DecoderL1,
    Dense,
    Dictionary,
    Gated,
    GateError,
    GateL1,
    JumpRelu,
    Mse,
    Plain,
    Prefixes,
    TopK,
)
from isthmus.parts.penalties.dictionary import layer_norms, prefixes

INPUTS, SIZE = 6, 12


def built(code, *penalties, network=None, shape=(INPUTS,)) -> Any:
    blueprint = ist.Blueprint(
        network=network or Dictionary(), code=code, distance=Mse(link="identity"), penalties=penalties
    )
    return blueprint.build(shape, remarks=False)


def samples(count=9, shape=(INPUTS,), seed=0):
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(seed))


def only(model):
    return model.objective.penalties[0]


def test_code_l0_counts_and_its_gradient_is_the_papers():
    model = built(JumpRelu(size=SIZE, threshold=0.3, bandwidth=0.8), CodeL0())
    out = model(samples())
    value = only(model)(out, model)
    features = out.layers["encoder.code"].detach()
    torch.testing.assert_close(value, (features > 0.3).float().sum(1))
    inside = ((features - 0.3).abs() / 0.8 < 0.5).float()
    weight, log = model.encoder.code.weight, model.code_module.log_threshold
    by_log, by_weight = torch.autograd.grad(value.sum(), [log, weight], materialize_grads=True)
    torch.testing.assert_close(by_log, -0.3 / 0.8 * inside.sum(0))
    assert not by_weight.any(), "only the thresholds learn from the count"


def test_gates_are_penalised_and_reconstruct_with_a_fixed_decoder():
    model = built(Gated(size=SIZE), GateL1(), GateError())
    out = model(samples())
    gates = out.layers["encoder.code"].relu()
    torch.testing.assert_close(model.objective.penalties[0](out, model), gates.sum(1))
    error = model.objective.penalties[1](out, model)
    made = gates @ model.decoder.output.weight.T + model.decoder.output.bias
    torch.testing.assert_close(error, (made - out.clean).square().mean(1))
    weights = [model.decoder.output.weight, model.encoder.code.weight]
    fixed, moved = torch.autograd.grad(error.sum(), weights, materialize_grads=True)
    assert not fixed.any()
    assert moved.any()


def test_the_norms_of_a_direction_are_those_of_its_part_in_each_layer():
    model = built(Plain(size=SIZE, activation="relu"), DecoderL1(), network=Dictionary(unit=False), shape=(2, 3))
    weight = model.decoder.output.weight
    norms = layer_norms(model.decoder.output, (2, 3))
    torch.testing.assert_close(norms, torch.stack([weight[:3].norm(dim=0), weight[3:].norm(dim=0)]))
    out = model(samples(shape=(2, 3)))
    torch.testing.assert_close(only(model)(out, model), (out.code.z * norms.sum(0)).sum(1))


def test_prefixes_are_reconstructed_from_the_first_dimensions_alone():
    model = built(TopK(size=SIZE, k=5), Prefixes(shares=(0.25, 0.5)))
    out = model(samples())
    expected = torch.zeros(9)
    for length in (3, 6):
        first = out.code.z * (torch.arange(SIZE) < length)
        expected = expected + (model.decoder(first) - out.clean).square().mean(1)
    torch.testing.assert_close(only(model)(out, model), expected)


@pytest.mark.parametrize(("size", "expected"), [(64, [2, 6, 14, 30]), (4, [1, 2]), (1, [])])
def test_prefixes_of_small_codes_are_at_least_one_dimension_and_never_all(size, expected):
    assert prefixes((1 / 32, 3 / 32, 7 / 32, 15 / 32), size) == expected


def test_a_dimension_is_dead_after_its_silence_and_active_ones_are_not():
    model = built(TopK(size=SIZE, k=2, rectified=True), DeadLatents(after=20, most=4))
    silence = model.module_of(only(model))
    active = torch.zeros(SIZE, dtype=torch.bool)
    for step in range(3):
        out = model(samples())
        only(model)(out, model)
        active |= (out.code.z != 0).any(0)
        assert torch.equal(silence.samples == 9 * (step + 1), ~active)
    model.eval()
    only(model)(model(samples()), model)
    assert float(silence.samples.max()) == 27, "it counts in training only"


def test_dead_dimensions_reconstruct_the_error_and_nothing_else_learns_from_it():
    model = built(TopK(size=SIZE, k=2, rectified=True), DeadLatents(after=20, most=4))
    silence, out = model.module_of(only(model)), model(samples())
    assert not only(model)(out, model).any(), "none is dead"
    dead = torch.arange(SIZE) < 3
    silence.samples.copy_(20.0 * dead)
    value = only(model)(out, model)
    gates = torch.where(dead, out.layers["encoder.code"], 0.0).relu()
    error = (out.clean - out.reconstruction).detach()
    torch.testing.assert_close(value, (gates @ model.decoder.output.weight.T - error).square().mean(1) * 3 / 4)
    weight, bias = torch.autograd.grad(
        value.sum(), [model.encoder.code.weight, model.decoder.output.weight], allow_unused=True
    )
    assert weight[:3].any()
    assert not weight[3:].any()
    assert not bias[:, 3:].any()


@pytest.mark.parametrize(
    ("network", "code", "penalty", "said"),
    [
        (Dictionary(), TopK(size=SIZE), CodeL0(), "learnt thresholds"),
        (Dictionary(), Plain(size=SIZE), GateL1(), "sparse code"),
        (Dictionary(), Plain(size=SIZE), DeadLatents(), "sparse code"),
        (Dense(widths=(8,)), TopK(size=SIZE), DeadLatents(), "Set network='dictionary'"),
        (Dense(widths=(8,)), BatchTopK(size=SIZE), Prefixes(), "Set network='dictionary'"),
    ],
)
def test_a_model_that_lacks_what_a_penalty_needs_is_refused(network, code, penalty, said):
    with pytest.raises(BlueprintError, match=said):
        built(code, penalty, network=network)
