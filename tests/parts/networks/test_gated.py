"""Gated recurrent units over all steps: the written-out gradient is that of the steps line by line."""

import pytest
import torch
from torch import Tensor

from isthmus.parts.networks.gated import after_steps, step_by_step


def given(kind: torch.dtype = torch.float64) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(5, 3, 2), (3, 4), (12, 2), (12,), (12, 4), (12,)]
    return tuple(torch.randn(shape, generator=generator, dtype=kind).requires_grad_() for shape in shapes)


THERE = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 1], [1, 1, 0], [0, 0, 1]], dtype=torch.bool)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("there", [None, THERE])
def test_states_and_gradients_are_those_of_the_steps_line_by_line(backwards, there):
    tensors = given()
    x, state, *weights = tensors
    made = after_steps(x, state, weights, there, backwards=backwards)
    expected = step_by_step(tensors, there, backwards)
    torch.testing.assert_close(made, expected)
    direction = torch.randn(made.shape, generator=torch.Generator().manual_seed(1), dtype=made.dtype)
    gradients = torch.autograd.grad(made, tensors, direction)
    torch.testing.assert_close(gradients, torch.autograd.grad(expected, tensors, direction))


def test_derivatives_of_second_order_exist():
    def function(x: Tensor, state: Tensor, *weights: Tensor) -> Tensor:
        return after_steps(x[:3], state, weights, THERE[:3], backwards=True)

    assert torch.autograd.gradcheck(function, given())
    assert torch.autograd.gradgradcheck(function, given())


def test_a_gradient_may_be_taken_twice():
    x, state, *weights = given()
    total = after_steps(x, state, weights).square().sum()
    first = torch.autograd.grad(total, x, retain_graph=True)
    assert torch.equal(first[0], torch.autograd.grad(total, x)[0])


def test_function_transforms_take_the_steps_line_by_line():
    x, state, *weights = (each.detach() for each in given())

    def total(x: Tensor) -> Tensor:
        return after_steps(x, state, weights).square().sum()

    slope = torch.func.grad(total)(x)
    tracked = x.clone().requires_grad_()
    torch.testing.assert_close(slope, torch.autograd.grad(total(tracked), tracked)[0])
    jacobian = torch.func.vmap(torch.func.grad(total))(torch.stack([x, 2 * x]))
    torch.testing.assert_close(jacobian[0], slope)


def test_products_in_bfloat16_keep_the_states_in_float32():
    x, state, *weights = given(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        made = after_steps(x, state, weights)
    exact = after_steps(x, state, weights)
    assert made.dtype == torch.float32
    torch.testing.assert_close(made, exact, rtol=0, atol=0.05)
    gradients = torch.autograd.grad(made.sum(), [x, *weights])
    for gradient, expected in zip(gradients, torch.autograd.grad(exact.sum(), [x, *weights]), strict=True):
        assert gradient.dtype == torch.float32
        torch.testing.assert_close(gradient, expected, rtol=0.1, atol=0.2)


def test_steps_that_are_left_out_leave_the_state_exactly_as_it_is():
    x, state, *weights = given(torch.float32)
    made = after_steps(x, state, weights, THERE)
    for step, row in (~THERE).nonzero().tolist():
        assert torch.equal(made[step, row], made[step - 1, row])
    (slope,) = torch.autograd.grad(made.sum(), x)
    assert bool((slope[~THERE] == 0).all())


def test_no_samples_and_weights_in_bfloat16_are_taken():
    x, state, *weights = given(torch.float32)
    assert after_steps(x[:, :0], state[:0], weights).shape == (5, 0, 4)
    lower = [each.detach().bfloat16() for each in (x, state, *weights)]
    assert after_steps(lower[0], lower[1], lower[2:]).dtype == torch.bfloat16


def test_fixed_weights_get_no_gradient():
    x, state, *weights = given()
    fixed = [weight.detach() for weight in weights]
    (slope,) = torch.autograd.grad(after_steps(x, state, fixed).sum(), x)
    torch.testing.assert_close(slope, torch.autograd.grad(after_steps(x, state, weights).sum(), x)[0])
