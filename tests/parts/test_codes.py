"""Codes: the plain one, and what every kind can rely on."""

import pytest
import torch

from isthmus.parts import CodeKind, Plain
from isthmus.parts.layers import ACTIVATIONS


class Nameless(CodeKind):
    pass


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_plain_code_is_its_activated_features(activation):
    features = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    code = Plain(activation=activation)(features)
    assert torch.equal(code.z, ACTIVATIONS[activation]()(features))
    assert (code.distribution, code.indices, code.loss) == (None, None, None)


@pytest.mark.parametrize(
    ("size", "natural", "shape"),
    [
        (5, (8, 4, 4), (5,)),
        ((2, 4, 4), (8, 4, 4), (2, 4, 4)),
        (None, (8, 4, 4), (8, 4, 4)),
        (None, None, None),
        (7, None, (7,)),
    ],
)
def test_the_codes_shape_is_what_was_asked_for_else_the_networks(size, natural, shape):
    assert Plain(size=size).shape(natural) == shape


def test_a_plain_code_needs_neither_draws_nor_weights():
    generator = torch.Generator()
    before = generator.get_state()
    assert Plain(size=3).draw(4, (3,), generator) is None
    assert Plain(size=3).module((3,), generator) is None
    assert Plain(size=3).features((3,)) == (3,)
    assert torch.equal(before, generator.get_state())


def test_the_base_alone_makes_no_code():
    with pytest.raises(NotImplementedError):
        Nameless()(torch.zeros(1, 3))
