"""The transformer over tokens and series."""

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import GaussianCode, Plain, Tokens, Transformer
from vocabularies import rows, with_tokens

SMALL = Transformer(width=8, depth=1, heads=2)


def test_series_go_in_and_come_out():
    model = ist.Blueprint(network=SMALL, code=Plain(size=3)).build((2, 11))
    out = model(torch.rand(4, 2, 11))
    assert (out.code.z.shape, out.reconstruction.shape) == ((4, 3), (4, 2, 11))


def test_without_a_size_the_code_is_a_vector_for_each_step():
    assert ist.Blueprint(network=SMALL).build((2, 11), remarks=False).code_shape == (8, 11)
    tokens = with_tokens(ist.Blueprint(network=SMALL, distance=Tokens())).build((9,), remarks=False)
    assert tokens.code_shape == (8, 9)
    assert tokens.reconstruct(rows(3, 9)).shape == (3, 9)


def test_what_follows_the_end_does_not_reach_a_flat_code():
    model = with_tokens(ist.Blueprint(network=SMALL, code=GaussianCode(size=3), distance=Tokens())).build((6,))
    texts = torch.tensor([[2.0, 3, 0, 4, 5, 6], [2.0, 3, 0, 0, 0, 0]])
    codes = model.encode(texts)
    torch.testing.assert_close(codes[0], codes[1])


def test_places_matter():
    model = with_tokens(ist.Blueprint(network=SMALL, code=Plain(size=3), distance=Tokens())).build((4,))
    codes = model.encode(torch.tensor([[2.0, 3, 4, 5], [3.0, 2, 4, 5]]))
    assert not torch.allclose(codes[0], codes[1])


@pytest.mark.parametrize(
    ("network", "shape", "match"),
    [(SMALL, (1, 9, 9), "series of shape"), (SMALL.replace(width=9), (2, 9), "can't be divided among 2 heads")],
)
def test_samples_and_widths_that_do_not_fit_are_refused(network, shape, match):
    with pytest.raises(BlueprintError, match=match):
        ist.Blueprint(network=network, code=Plain(size=3)).build(shape)
