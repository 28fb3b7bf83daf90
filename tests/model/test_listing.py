"""A model's layers, listed."""

import isthmus as ist
from isthmus.model.blueprint import Blueprint
from isthmus.model.listing import layers, parameter_count
from isthmus.parts import Dense, Plain


def test_layers_come_in_order_with_shapes_and_every_parameter_once():
    model = Blueprint(network=Dense(tied=True), code=Plain(size=3)).build((5,))
    found = layers(model)
    assert [layer.shape for layer in found if layer.parameters] == [(3,), (5,)]
    assert sum(layer.parameters for layer in found) == parameter_count(model) == 5 * 3 + 3 + 5


def test_layers_leave_no_hook_behind():
    model = Blueprint(network=Dense(), code=Plain(size=3)).build((5,))
    layers(model)
    assert not any(module._forward_hooks for module in model.modules())


def test_a_layer_that_runs_once_a_step_is_listed_once():
    model = ist.recipe("series-gru").build((2, 30))
    assert [layer.name for layer in layers(model)].count("encoder.gru1") == 1


def test_a_layer_that_holds_others_in_a_row_is_called_after_them():
    model = Blueprint(network=Dense(widths=(4,)), code=Plain(size=3)).build((5,))
    assert {layer.name: layer.kind for layer in layers(model)}["encoder.dense1"] == "Linear, ReLU"
