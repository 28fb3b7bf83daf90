"""Product quantisation and two levels of vectors: held against a plain search in each book."""

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import Dense, Pq, Vq2
from isthmus.parts.codes.two_levels import Levels
from isthmus.parts.vectors import vectors_of


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def made(code, shape):
    """The code's module with books that are no mere start."""
    module = code.module(shape, seeded()).train()
    for step in range(2):
        features = torch.randn(64, *code.features(shape), generator=seeded(10 + step))
        code(features, code.draw(64, shape, seeded(step)), module)
    return module.eval()


def books_of(module):
    return [buffer[0].clone() for name, buffer in module.named_buffers() if name.endswith(".embed")]


@pytest.mark.parametrize("shape", [(6,), (6, 3), (6, 2, 2)])
def test_each_slice_becomes_the_nearest_entry_of_its_own_book(shape):
    code = Pq(entries=8, length=2)
    module = made(code, shape)
    books = books_of(module)
    assert len(books) == 3
    assert all(book.shape == (8, 2) for book in books)
    features = torch.randn(4, *shape, generator=seeded(1))
    found = code(features, None, module)
    assert found.indices is not None
    assert found.indices.shape == (4, *code.places(shape))
    for place, book in enumerate(books):
        own = slice(2 * place, 2 * place + 2)
        slices, z = (vectors_of(of[:, own], 2) for of in (features, found.z))
        nearest = torch.cdist(slices, book.expand(4, -1, -1)).argmin(2)
        assert torch.equal(found.indices[..., place].reshape(4, -1), nearest)
        assert torch.equal(z, book[nearest])
    assert torch.equal(code.from_indices(found.indices, shape, module), found.z.double())
    assert code.bits(shape) == found.indices[0].numel() * 3


@pytest.mark.parametrize("shape", [(8,), (4, 5), (4, 3, 2)])
def test_the_upper_level_is_quantised_on_half_the_grid_and_the_lower_one_given_it(shape):
    code = Vq2(entries=8, length=2, width=5)
    module = made(code, shape)
    assert isinstance(module, Levels)
    features = torch.randn(3, *code.features(shape), generator=seeded(1))
    found = code(features, None, module)
    assert found.z.shape == (3, *shape)
    half = shape[0] // 2
    upper = found.z[:, half:]
    for axis, size in enumerate(shape[1:], start=2):
        pairs = torch.arange(size) // 2 * 2
        assert torch.equal(upper, upper.index_select(axis, pairs)), "each upper vector stands for two along each axis"
    assert found.indices is not None
    assert found.indices.shape == (3, *code.places(shape))
    assert torch.equal(code.from_indices(found.indices, shape, module), found.z.double())
    before = found.z[:, :half]
    with torch.no_grad():
        for weight in module.above.parameters():
            weight.mul_(-1)
    assert not torch.equal(code(features, None, module).z[:, :half], before), "the lower level sees the upper one"


def test_gradients_reach_all_layers_between_the_levels():
    shape = (4, 3, 3)
    code = Vq2(entries=8, width=5)
    module = made(code, shape).train()
    features = torch.randn(3, *code.features(shape), generator=seeded(1)).requires_grad_()
    found = code(features, code.draw(3, shape, seeded()), module)
    assert found.loss is not None
    (found.z.square().sum() + found.loss.sum()).backward()
    layers = [*module.get_submodule("above").parameters(), *module.get_submodule("below").parameters()]
    assert all(bool(weight.grad.abs().sum() > 0) for weight in [*layers, features] if weight.grad is not None)
    assert all(weight.grad is not None for weight in [*layers, features])


@pytest.mark.parametrize(
    ("code", "words"),
    [(Vq2(size=5), "two levels of equal width"), (Vq2(size=12, length=4), "A code of 6 numbers can't be cut")],
)
def test_levels_that_do_not_come_out_even_are_refused(code, words):
    with pytest.raises(BlueprintError, match=words):
        ist.Blueprint(network=Dense(), code=code).build((20,))
