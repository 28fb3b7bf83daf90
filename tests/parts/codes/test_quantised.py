"""Quantised codes: held against a plain search for the nearest, their bits, their gradients, and their randomness."""

import itertools
import math
import sys
from typing import Any

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError, Remark
from isthmus.extras import MissingPackageError
from isthmus.model.batch import Inputs
from isthmus.parts import Conv, Dense, Fsq, Pq, Rfsq, Rvq, Vq
from isthmus.parts.codes.product import rotation_of
from isthmus.training.optimisers import Optimiser
from isthmus.training.settings import Settings
from isthmus.training.steps import make_step, worth_compiling

SHAPES = {(6, 3, 2): 6, (6, 5): 6, (6,): 2, (1,): 1}
"""Of a picture's code, a series', flat ones; and how long their vectors are where `length` is 2."""


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def made(code, shape, seed=0):
    """The code's module with books that are no mere start: after some steps of learning."""
    module = code.module(shape, seeded(seed)).train()
    for step in range(3):
        features = torch.randn(64, *shape, generator=seeded(10 + step))
        code(features, code.draw(64, shape, seeded(step)), module)
    return module


def books_of(module):
    return [buffer[0].clone() for name, buffer in module.named_buffers() if name.endswith(".embed")]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_each_vector_becomes_the_nearest_of_the_book(shape):
    code, length = Vq(entries=16, length=2), SHAPES[shape]
    groups = shape[0] // length
    module = made(code, shape).eval()
    (book,) = books_of(module)
    features = torch.randn(4, *shape, generator=seeded(1))
    found = code(features, None, module)
    assert found.z.shape == features.shape
    assert found.indices is not None
    assert found.indices.shape == (4, *shape[1:], groups)
    for sample, position in itertools.product(range(4), itertools.product(*map(range, shape[1:]))):
        for group in range(groups):
            channels = slice(group * length, (group + 1) * length)
            vector = features[(sample, channels, *position)]
            nearest = int((book - vector).square().sum(1).argmin())
            assert int(found.indices[(sample, *position, group)]) == nearest
            assert torch.equal(found.z[(sample, channels, *position)], book[nearest])


def test_each_quantiser_takes_what_the_ones_before_left():
    code = Rvq(entries=16, quantisers=3)
    module = made(code, (4,)).eval()
    features = torch.randn(50, 4, generator=seeded(1))
    found = code(features, None, module)
    assert found.indices is not None
    left = features
    for number, book in enumerate(books_of(module)):
        nearest = torch.cdist(left, book).argmin(1)
        assert torch.equal(found.indices[:, number], nearest)
        left = left - book[nearest]
    torch.testing.assert_close(found.z, features - left)


@pytest.mark.parametrize("levels", [(3, 4, 5), (8, 5, 5)])
def test_scalars_are_rounded_to_their_levels(levels):
    code = Fsq(levels=levels)
    found = code(3 * torch.randn(5000, len(levels), generator=seeded()))
    assert found.loss is None
    for place, count in enumerate(levels):
        assert len(found.z[:, place].unique()) == count
    assert found.indices is not None
    assert int(found.indices.max()) < code.entries == math.prod(levels)
    pairs = torch.cat([found.z, found.indices.float()], 1).unique(dim=0)
    assert len(pairs) == len(found.z.unique(dim=0)) == len(found.indices.unique()), "an index is a vector"
    # the nearest level of tanh, so that no rounding is off by more than half a step
    half = torch.tensor([(count - 1) / 2 for count in levels])
    odd = torch.tensor([count % 2 == 1 for count in levels])
    features = torch.randn(200, len(levels), generator=seeded(1))
    off = (code(features).z * torch.tensor([count // 2 for count in levels]) - torch.tanh(features) * half).abs()
    assert float(off[:, odd].max()) <= 0.502


@pytest.mark.parametrize(
    ("code", "shape", "bits"),
    [
        (Vq(entries=512), (64, 7, 7), 49 * 9),
        (Vq(entries=256, length=16), (64,), 4 * 8),
        (Rvq(entries=256, length=16, quantisers=2), (4,), 2 * 8),
        (Rvq(entries=1024, quantisers=8), (32, 10), 10 * 8 * 10),
        (Fsq(levels=(4, 4, 4)), (3, 2, 2), 4 * 6),
        (Fsq(levels=(4, 4, 4)), (9,), 3 * 6),
    ],
)
def test_bits_are_those_of_the_indices(code, shape, bits):
    assert code.bits(shape) == pytest.approx(bits)
    indices = code(torch.zeros(2, *shape), None, code.module(shape, seeded()).eval()).indices
    each = math.log2(math.prod(code.levels) if isinstance(code, Fsq) else code.entries)
    assert indices[0].numel() * each == pytest.approx(bits)


@pytest.mark.parametrize("code", [Vq(entries=8, commitment=0.5), Rvq(entries=8, commitment=0.5)])
@pytest.mark.parametrize("training", [True, False])
def test_the_gradient_passes_straight_through_and_the_commitment_is_the_distance_to_z(code, training):
    module = made(code, (6, 2, 2)).train(training)
    features = torch.randn(3, 6, 2, 2, generator=seeded(1)).requires_grad_()
    found = code(features, code.draw(3, (6, 2, 2), seeded()), module)
    slopes = torch.randn(3, 6, 2, 2, generator=seeded(2))
    assert torch.equal(torch.autograd.grad((found.z * slopes).sum(), features, retain_graph=True)[0], slopes)
    expected = 0.5 * (features - found.z.detach()).square().mean((1, 2, 3))
    assert found.loss is not None
    torch.testing.assert_close(found.loss, expected)
    slope = torch.autograd.grad(found.loss.sum(), features)[0]
    torch.testing.assert_close(slope, (features - found.z).detach() / 24)


def test_the_first_step_puts_each_entry_at_a_vector_or_at_the_mean_of_those_that_took_it():
    code = Vq(entries=32)
    module = code.module((5,), seeded()).train()
    features = 100 + torch.randn(64, 5, generator=seeded(1))
    code(features, code.draw(64, (5,), seeded()), module)
    (book,) = books_of(module)
    at_a_vector = torch.stack([(features == entry).all(1).any() for entry in book])
    assert int(at_a_vector.sum()) >= 31, "from its first place near 0 one entry is the nearest of all"
    mean = features.mean(0).expand(int((~at_a_vector).sum()), -1)
    torch.testing.assert_close(book[~at_a_vector], mean, rtol=1e-3, atol=0)


def test_entries_become_the_means_of_their_vectors_and_dead_ones_start_anew():
    """Three clusters and a book of eight: the moving averages find the clusters, whatever the start."""
    code = Vq(entries=8, decay=0.9)
    centres = torch.tensor([[0.0, 10.0], [10.0, 0.0], [-10.0, -10.0]])
    module = code.module((2,), seeded()).train()
    for step in range(40):
        own = centres[torch.randint(3, (256,), generator=seeded(step))]
        code(own + 0.1 * torch.randn(256, 2, generator=seeded(step)), code.draw(256, (2,), seeded(step)), module)
    (book,) = books_of(module)
    assert float(torch.cdist(book, centres).min(1).values.max()) < 0.6, "no entry is left where nothing is"
    found = code(centres, None, module.eval())
    assert float((found.z - centres).abs().max()) < 0.3


@pytest.mark.parametrize("code", [Vq(entries=8), Rvq(entries=8), Fsq(levels=(3, 3, 3))])
def test_nothing_changes_without_draws_or_in_evaluation(code):
    module = made(code, (6, 4))
    before = {name: value.clone() for name, value in module.state_dict().items()}
    features = torch.randn(32, 6, 4, generator=seeded(1))
    first = code(features, None, module.train()).z
    second = code(features, code.draw(32, (6, 4), seeded()), module.eval()).z
    torch.testing.assert_close(first, second)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_the_draws_alone_decide_and_the_global_state_is_left_as_it_was():
    code = Vq(entries=64)
    features = torch.randn(16, 3, 4, generator=seeded(1))
    books: list[Any] = []
    for global_seed, seed in ((1, 0), (2, 0), (2, 5)):
        torch.manual_seed(global_seed)
        before = torch.random.get_rng_state()
        module = code.module((3, 4), seeded()).train()
        code(features, code.draw(16, (3, 4), seeded(seed)), module)
        books.append(books_of(module)[0])
        assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(books[0], books[1])
    assert not torch.equal(books[0], books[2])


def test_within_bfloat16_the_search_is_exact():
    code = Vq(entries=64)
    module = made(code, (4, 3)).eval()
    features = torch.randn(32, 4, 3, generator=seeded(1))
    exact = code(features, None, module)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(code(features, None, module).z, exact.z)


def test_scalars_ask_the_network_for_as_many_channels_as_levels():
    assert ist.Blueprint(network=Conv(), code=Fsq()).build((1, 28, 28)).code_shape == (4, 4, 4)
    assert ist.Blueprint(network=Dense(), code=Fsq()).build((9,), remarks=False).code_shape == (4,)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (Vq(size=10, length=3), "A code of 10 numbers can't be cut into vectors of length=3"),
        (Fsq(size=10), "A code of 10 numbers can't be cut into vectors of 4 levels"),
    ],
)
def test_sizes_that_do_not_come_out_even_are_said_when_the_model_is_built(code, words):
    with pytest.raises(BlueprintError, match=words):
        ist.Blueprint(network=Dense(), code=code).build((20,))


def test_modules_of_ones_own_bring_the_book():
    code, layers = Vq(entries=4), (torch.nn.Linear(6, 3), torch.nn.Linear(3, 6))
    with pytest.raises(BlueprintError, match=r"A vq code needs its book.*code_module="):
        ist.Autoencoder(*layers, shape=(6,), code=code)
    model = ist.Autoencoder(*layers, shape=(6,), code=code, code_module=code.module((3,), seeded()))
    assert model(torch.randn(2, 6)).code.indices is not None


@pytest.mark.parametrize("code", [Vq(), Rvq(), Fsq()])
def test_where_the_library_is_absent_the_extra_is_named(code, monkeypatch):
    monkeypatch.setitem(sys.modules, "vector_quantize_pytorch", None)
    with pytest.raises(MissingPackageError, match=r"needs vector-quantize-pytorch.*pip install 'isthmus\[quantised\]'"):
        ist.Blueprint(network=Dense(), code=code.replace(size=4)).build((20,))


def test_a_learnt_book_is_never_compiled_by_itself():
    long = Settings(epochs=1000)
    for code, worth in ((Vq(size=4), False), (Rvq(size=4), False), (Fsq(size=4), True)):
        model = ist.Blueprint(network=Dense(), code=code).build((20,))
        assert worth_compiling(model, long, 10_000, torch.device("cpu")) is worth


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("code", [Vq(size=8, entries=16), Fsq(size=8)])
def test_compiled_or_told_that_it_can_not_be_the_step_is_the_same(code):
    moved = []
    for compile_ in (False, True):
        model = ist.Blueprint(network=Dense(), code=code).build((20,))
        settings = Settings(compile=compile_, optimiser="sgd")
        optimiser = Optimiser(settings, dict(model.named_parameters()))
        step = make_step(model, optimiser, settings, torch.device("cpu"), 32)
        inputs = Inputs(torch.rand(32, 20, generator=seeded(1)), model.draw(32, seeded()))
        if compile_ and not code.compiles:
            with pytest.warns(Remark, match="could not be compiled, so it runs uncompiled"):
                step(inputs, None, 0.1)
        else:
            step(inputs, None, 0.1)
        moved.append(model.state_dict())
    torch.testing.assert_close(*moved)


@pytest.mark.parametrize("levels", [(5, 3), (8, 5, 5), (4, 4)])
def test_rounds_of_fsq_round_what_is_left_and_one_round_is_fsq(levels):
    features = torch.randn(40, 2 * len(levels), generator=torch.Generator().manual_seed(0))
    one: Any = Rfsq(levels=levels, quantisers=1)(features)
    plain: Any = Fsq(levels=levels)(features)
    torch.testing.assert_close(one.z, plain.z)
    assert torch.equal(one.indices, plain.indices)
    code = Rfsq(levels=levels, quantisers=3)
    bounded = code._bounded(features.view(40, 2, -1)).view_as(features)
    half = torch.tensor(levels).repeat(2) // 2
    for rounds in (1, 2, 3):
        found: Any = Rfsq(levels=levels, quantisers=rounds)(features)
        step = 1 / (half * torch.tensor(levels).repeat(2) ** (rounds - 1.0))
        assert bool(((found.z - bounded).abs() <= 0.5 * step + 2e-3 / half).all())  # the bounds have some slack
        assert found.indices.shape == (40, *found_places(rounds, levels))
    coded: Any = code(features)
    again = code.from_indices(coded.indices, (2 * len(levels),), None)
    torch.testing.assert_close(again.float(), coded.z)
    assert code.bits((2 * len(levels),)) == pytest.approx(2 * 3 * math.log2(math.prod(levels)))


def found_places(rounds, levels):
    return Rfsq(levels=levels, quantisers=rounds).places((2 * len(levels),))


@pytest.mark.parametrize("size", [0.0, 1.0, 20.0])
def test_a_rotation_is_the_exponential_of_its_turn(size):
    turn = size * torch.randn(8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) / 8
    torch.testing.assert_close(rotation_of(turn), torch.linalg.matrix_exp(turn - turn.T))


def test_a_rotation_before_the_slices_is_undone_after_them():
    turned, plain = Pq(size=8, length=2, entries=16, rotated=True), Pq(size=8, length=2, entries=16)
    assert "rotated" not in plain.to_json()
    features = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
    books: Any = turned.module((8,), torch.Generator().manual_seed(0))
    still: Any = plain.module((8,), torch.Generator().manual_seed(0))
    for module in (books, still):
        for layer in module.layers:
            book = layer._codebook.embed
            book.data.copy_(torch.randn(book.shape, generator=torch.Generator().manual_seed(1)))
    books.eval()
    still.eval()
    assert torch.equal(turned(features, None, books).z, plain(features, None, still).z)  # at first there is none
    with torch.no_grad():
        books.turn.copy_(torch.randn(8, 8, generator=torch.Generator().manual_seed(2)))
    rotation = torch.linalg.matrix_exp(books.turn - books.turn.T)
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(8), atol=1e-5, rtol=0)
    code: Any = turned(features, None, books)
    torch.testing.assert_close(code.z, plain(features @ rotation.T, None, still).z @ rotation)
    torch.testing.assert_close(turned.from_indices(code.indices, (8,), books).float(), code.z, atol=1e-5, rtol=1e-5)
    code.loss.sum().backward()
    assert float(books.turn.grad.abs().max()) > 0
