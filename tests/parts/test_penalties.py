"""Penalties against their formulas."""

import numpy as np
import pytest
import torch

from isthmus.blueprint import Blueprint
from isthmus.errors import BlueprintError
from isthmus.parts import ActivationL1, Dense, Plain
from isthmus.parts.penalties import names_of


def build(*penalties):
    return Blueprint(network=Dense(widths=(6,)), code=Plain(size=3), penalties=penalties).build((5,))


@pytest.mark.parametrize("layer", [None, "encoder.dense1", "decoder.output"])
def test_activation_l1_sums_the_absolute_activations_of_a_layer(layer):
    penalty = ActivationL1(layer=layer)
    model = build(penalty)
    seen = model(torch.randn(4, 5, generator=torch.Generator().manual_seed(0)))
    values = (seen.code.z if layer is None else seen.layers[layer]).detach().numpy().astype(np.float64)
    assert np.allclose(penalty(seen, model).detach().numpy(), np.abs(values).reshape(4, -1).sum(1), rtol=1e-6)


def test_a_layer_that_does_not_exist_is_named_with_the_nearest():
    model = build(ActivationL1(layer="encoder.dens1"))
    with pytest.raises(BlueprintError, match=r"no layer 'encoder\.dens1'.*'encoder\.dense1'"):
        model.loss(model(torch.zeros(1, 5)))


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
