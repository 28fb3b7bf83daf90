"""Attention blocks: rotary positions, causality and memory."""

import pytest
import torch

from isthmus.parts.networks.attention import Block, draw_weights, rotated, turns


def block(**more):
    made = Block(8, 2, **more).double()
    draw_weights(made, torch.Generator().manual_seed(0))
    return made


@pytest.mark.parametrize("width", [6, 7])
def test_rotated_products_depend_on_the_distance_of_places_alone(width):
    query, key = (torch.randn(1, 1, 1, width, dtype=torch.float64) for _ in range(2))
    angles = turns(50, width, query.device)
    turned = [[rotated(each, (angles[0][place], angles[1][place])) for place in range(50)] for each in (query, key)]
    near = [float((turned[0][first] * turned[1][first + 3]).sum()) for first in (0, 5, 40)]
    assert near[1:] == pytest.approx([near[0]] * 2, abs=1e-4)  # angles are float32
    assert float(turned[0][7].norm()) == pytest.approx(float(query.norm()))


def test_a_causal_block_sees_nothing_later_and_steps_give_the_same():
    made, x = block(causal=True, rotary=True, memory=4), torch.randn(3, 6, 8, dtype=torch.float64)
    memory = torch.randn(3, 5, 4, dtype=torch.float64)
    whole = made(x, None, memory)
    seen, steps = made.begin(3, 6, x, memory), []
    for place in range(6):
        step, seen = made.step(x[:, place : place + 1], seen)
        steps.append(step)
    torch.testing.assert_close(torch.cat(steps, 1), whole)


def test_masked_tokens_change_nothing():
    made, x = block(), torch.randn(2, 5, 8, dtype=torch.float64)
    there = torch.tensor([[True] * 3 + [False] * 2] * 2)
    other = torch.cat([x[:, :3], torch.randn(2, 2, 8, dtype=torch.float64)], 1)
    torch.testing.assert_close(made(x, there)[:, :3], made(other, there)[:, :3])


def test_a_memory_is_asked_by_every_token():
    made, x = block(memory=4), torch.randn(2, 5, 8, dtype=torch.float64)
    one, other = (made(x, None, torch.randn(2, 3, 4, dtype=torch.float64)) for _ in range(2))
    assert bool(((one - other).abs().amax(2) > 1e-9).all())
