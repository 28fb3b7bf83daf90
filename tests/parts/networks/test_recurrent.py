"""Recurrent networks: PyTorch's own units step for step, and series that end early."""

import pytest
import torch
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.model.blueprint import Blueprint
from isthmus.parts import Gru, Plain
from isthmus.parts.networks.recurrent import Recurrent


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(shape, **fields):
    return Blueprint(network=Gru(**fields), code=Plain(size=3)).build(shape, remarks=False)


def output_weight(model) -> Tensor:
    weight = model.decoder.get_submodule("output").weight
    assert isinstance(weight, Tensor)
    return weight


@pytest.mark.parametrize("backwards", [False, True])
def test_the_states_are_those_of_pytorchs_units(backwards):
    layer = Recurrent(3, 5, generator(), backwards=backwards)
    theirs = nn.GRU(3, 5, batch_first=True)
    with torch.no_grad():
        layer.given.bias.normal_(generator=generator(1))
        layer.state.bias.normal_(generator=generator(2))
        own = (layer.given.weight, layer.state.weight, layer.given.bias, layer.state.bias)
        for weight, other in zip(theirs.parameters(), own, strict=True):
            weight.copy_(other)
        x = torch.randn(4, 3, 9, generator=generator(3))
        turned = x.flip(2) if backwards else x
        expected = theirs(turned.transpose(1, 2))[0].transpose(1, 2)
        torch.testing.assert_close(layer(x), expected.flip(2) if backwards else expected)


def test_each_gates_recurrent_weights_are_orthogonal_and_drawn_from_the_generator():
    layer, again = Recurrent(3, 6, generator()), Recurrent(3, 6, generator())
    assert torch.equal(layer.state.weight, again.state.weight)
    for gate in layer.state.weight.detach().split(6):
        torch.testing.assert_close(gate @ gate.T, torch.eye(6))


def test_layers_have_names_and_shapes():
    seen = build((2, 11), widths=(7, 5), dropout=0.5)(torch.rand(4, 2, 11))
    assert {name: tuple(made.shape[1:]) for name, made in seen.layers.items()} == {
        "encoder.gru1": (7, 11),
        "encoder.dropout1": (7, 11),
        "encoder.gru2": (5, 11),
        "encoder.dropout2": (5, 11),
        "encoder.last": (5,),
        "encoder.code": (3,),
        "decoder.repeat": (3, 11),
        "decoder.gru1": (5, 11),
        "decoder.dropout1": (5, 11),
        "decoder.gru2": (7, 11),
        "decoder.dropout2": (7, 11),
        "decoder.output": (2, 11),
    }


def test_every_step_reaches_the_code_and_the_code_every_step():
    model = build((1, 12))
    nn.init.normal_(output_weight(model), generator=generator())
    x = torch.randn(1, 1, 12, generator=generator(1), requires_grad=True)
    seen = model(x)
    (to_code,) = torch.autograd.grad(seen.code.z.sum(), x, retain_graph=True)
    assert bool((to_code != 0).all())
    for step in range(12):
        (from_code,) = torch.autograd.grad(seen.output[0, 0, step], seen.code.z, retain_graph=True)
        assert bool((from_code != 0).all())


def test_what_is_read_last_is_the_beginning():
    model = build((1, 40))
    x = torch.zeros(1, 1, 40, requires_grad=True)
    (slope,) = torch.autograd.grad(model(x).code.z.sum(), x)
    assert float(slope[0, 0, :4].abs().mean()) > float(slope[0, 0, -4:].abs().mean())


def test_padding_and_holes_do_not_count():
    model = Blueprint(network=Gru(), code=Plain(size=3), missing="mask").build((1, 12))
    nn.init.zeros_(output_weight(model))  # so that the output is 0
    x = torch.randn(3, 1, 12, generator=generator())
    x[0, :, 5:], x[1, :, 2] = torch.nan, torch.nan
    total, terms = model.loss(model(x))
    expected = [row[~row.isnan()].square().mean() for row in x[:, 0]]
    torch.testing.assert_close(terms["distance"], torch.stack(expected).mean())
    assert all(bool(gradient.isfinite().all()) for gradient in torch.autograd.grad(total, list(model.parameters())))


@pytest.mark.parametrize("shape", [(28,), (1, 28, 28)])
def test_what_is_no_series_is_refused(shape):
    with pytest.raises(BlueprintError, match=r"needs series of shape \(C, T\)"):
        build(shape)


def test_no_widths_are_refused():
    with pytest.raises(BlueprintError, match="widths"):
        Gru(widths=())
