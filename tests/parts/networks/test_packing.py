"""Work on only the places that are there: results and gradients are those of the whole, padded batch."""

import pytest
import torch

import isthmus as ist
from isthmus.model.batch import Inputs
from isthmus.parts import Conductor, GaussianCode, Gru, Kl, Network, Tokens, Transformer
from isthmus.parts.networks import packing
from isthmus.parts.networks.attention import Block, draw_weights
from isthmus.parts.networks.gated import after_steps, step_by_step
from isthmus.parts.networks.packing import Falling, pays, places_of
from vocabularies import TOKENS, rows, with_tokens

LENGTHS = torch.randint(0, 10, (70,), generator=torch.Generator().manual_seed(3))
LENGTHS[:2] = torch.tensor([0, 12])
THERE = torch.arange(12) < LENGTHS[:, None]
NETWORKS: list[Network] = [
    Gru(widths=(6, 5), embedding=4),
    Conductor(widths=(6,), embedding=4, segment=4),
    Transformer(width=8, heads=2, depth=2),
]


def test_places_are_packed_and_unpacked_again():
    places = places_of(THERE)
    assert places is not None
    x = torch.randn(70, 12, 3)
    packed = places.pack(x)
    assert int(THERE.sum()) <= len(packed) < 1.1 * int(THERE.sum())
    assert torch.equal(packed[: int(THERE.sum())], x[THERE])
    assert torch.equal(places.unpack(packed), x * THERE[..., None])


def test_longer_sequences_come_first_and_few_sizes_occur():
    falling = Falling(THERE.t())
    assert torch.equal(falling.reach | THERE.t(), falling.reach)
    assert falling.counts == sorted(falling.counts, reverse=True)
    assert falling.counts == falling.reach.sum(1).tolist()
    assert torch.equal(falling.order[falling.rank], torch.arange(70))
    assert all(count % 2 == 0 for count in falling.counts)


def test_only_what_saves_work_is_packed():
    assert not pays(None)
    assert not pays(torch.ones(3, 4, dtype=torch.bool))
    assert not pays(torch.zeros(3, 4, dtype=torch.bool))
    assert pays(THERE)
    seen: list[bool] = []
    torch.func.vmap(lambda row: seen.append(pays(THERE)) or row)(torch.zeros(2))
    assert seen == [False]


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("holes", [False, True])
def test_packed_steps_are_those_line_by_line(backwards, holes):
    generator = torch.Generator().manual_seed(0)
    shapes = [(12, 70, 2), (70, 4), (12, 2), (12,), (12, 4), (12,)]
    tensors = [torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_() for shape in shapes]
    there = THERE.t() & (torch.rand(12, 70, generator=generator) < 0.8) if holes else THERE.t()
    x, state, *weights = tensors
    made = after_steps(x, state, weights, there, backwards=backwards)
    expected = step_by_step(tensors, there, backwards)
    torch.testing.assert_close(made, expected)
    direction = torch.randn(made.shape, generator=generator, dtype=made.dtype)
    gradients = torch.autograd.grad(made, tensors, direction)
    torch.testing.assert_close(gradients, torch.autograd.grad(expected, tensors, direction))


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("memory", [0, 3])
def test_a_packed_block_gives_the_same_where_tokens_are(causal, memory, monkeypatch):
    generator = torch.Generator().manual_seed(0)
    block = Block(8, 2, causal=causal, rotary=True, memory=memory)
    draw_weights(block, generator)
    block.double()
    x = torch.randn(70, 12, 8, generator=generator, dtype=torch.float64).requires_grad_()
    there = THERE | (torch.arange(12) == 0)
    recalled = torch.randn(70, 5, memory, generator=generator, dtype=torch.float64) if memory else None
    direction = torch.randn(x.shape, generator=generator, dtype=x.dtype) * there[..., None]
    results = []
    for fewer in (packing.FEWER, 0):
        monkeypatch.setattr(packing, "FEWER", fewer)
        made = block(x, there, recalled)
        results.append((made[there], *torch.autograd.grad(made, [x, *block.parameters()], direction)))
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.kind)
@pytest.mark.parametrize("lowered", [False, True])
def test_packed_losses_and_gradients_are_those_of_padded_texts(network, lowered, monkeypatch):
    blueprint = ist.Blueprint(network=network, code=GaussianCode(size=3), penalties=(Kl(),), distance=Tokens())
    model = with_tokens(blueprint).build((12,), seed=1, remarks=False)
    model = model if lowered else model.double()
    given = rows(70, 12).clamp(min=1)
    given = torch.where(THERE, given, 0).to(torch.float32 if lowered else torch.float64)
    assert int(given.max()) < TOKENS
    draws = model.draw(70, torch.Generator().manual_seed(1))
    results = []
    for fewer in (packing.FEWER, 0):
        monkeypatch.setattr(packing, "FEWER", fewer)
        with torch.autocast("cpu", torch.bfloat16, enabled=lowered):
            loss = model.loss(model(*Inputs(given, draws)))[0]
        results.append([loss, *torch.autograd.grad(loss, list(model.parameters()), materialize_grads=True)])
    rounding = {"rtol": 0.05, "atol": 0.05} if lowered else {}
    torch.testing.assert_close(*results, **rounding)
