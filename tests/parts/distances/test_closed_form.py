import pytest
import torch
from torch import Tensor

from isthmus.parts import Distance
from isthmus.parts.distances import Bce, Mse, Psnr, Sse

KINDS = [
    Mse(link="identity"),
    Mse(link="sigmoid"),
    Sse(link="identity"),
    Sse(link="sigmoid"),
    Bce(),
    Psnr(link="sigmoid"),
]


def _drawn(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(5, 2, 3, generator=generator, dtype=dtype)
    return output.requires_grad_(), torch.rand(5, 2, 3, generator=generator, dtype=dtype)


def _everything_observed(distance: Distance, output: Tensor, target: Tensor) -> Tensor:
    """By ordinary operations: a mask rules the closed form out."""
    return distance(output, target, torch.ones_like(target, dtype=torch.bool))


@pytest.mark.parametrize("distance", KINDS, ids=repr)
def test_the_value_and_the_gradient_are_those_of_ordinary_operations(distance: Distance) -> None:
    output, target = _drawn()
    shares = torch.linspace(0.5, 2, 5, dtype=torch.float64)
    closed, plain = distance(output, target), _everything_observed(distance, output, target)
    assert "ClosedForm" in str(closed.grad_fn) or isinstance(distance, Psnr)
    torch.testing.assert_close(closed, plain)
    gradients = [torch.autograd.grad((shares * values).sum(), output)[0] for values in (closed, plain)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("distance", KINDS, ids=repr)
def test_finite_differences_agree_for_first_and_second_derivatives(distance: Distance) -> None:
    output, target = _drawn()
    assert torch.autograd.gradcheck(lambda x: distance(x, target), (output,))
    assert torch.autograd.gradgradcheck(lambda x: distance(x, target), (output,))


def test_a_subclass_with_other_values_has_their_gradient() -> None:
    class Doubled(Mse):
        def elements(self, output: Tensor, target: Tensor) -> Tensor:
            return 2 * super().elements(output, target)

    output, target = _drawn()
    (gradient,) = torch.autograd.grad(Doubled(link="sigmoid")(output, target).sum(), output)
    (single,) = torch.autograd.grad(Mse(link="sigmoid")(output, target).sum(), output)
    torch.testing.assert_close(gradient, 2 * single)


def test_a_target_that_is_learnt_has_its_gradient() -> None:
    output, target = _drawn()
    target.requires_grad_()
    assert torch.autograd.gradcheck(Mse(link="identity"), (output, target))


@pytest.mark.parametrize("distance", KINDS, ids=repr)
def test_functional_transforms_see_the_formula(distance: Distance) -> None:
    output, target = _drawn()
    found = torch.func.grad(lambda x: distance(x, target).sum())(output.detach())
    torch.testing.assert_close(found, torch.autograd.grad(distance(output, target).sum(), output)[0])


def test_the_values_stay_float32_within_autocast() -> None:
    output, target = _drawn(torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        assert all(distance(output, target).dtype == torch.float32 for distance in KINDS)
