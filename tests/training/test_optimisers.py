"""The optimisers' moves are PyTorch's own."""

from typing import Any

import pytest
import torch

from isthmus.training import optimisers
from isthmus.training.optimisers import Optimiser, clip
from isthmus.training.settings import Settings

CLASSES = {
    "adam": lambda p, decay: torch.optim.Adam(p, lr=0.01, weight_decay=decay),
    "adamw": lambda p, decay: torch.optim.AdamW(p, lr=0.01, weight_decay=decay),
    "rmsprop": lambda p, decay: torch.optim.RMSprop(p, lr=0.01, weight_decay=decay, momentum=0.9),
    "sgd": lambda p, decay: torch.optim.SGD(p, lr=0.01, weight_decay=decay, momentum=0.9),
}


def _draw(seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(4, 3, generator=generator), torch.randn(3, generator=generator)]


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", CLASSES)
def test_moves_equal_those_of_pytorchs_classes(name: Any, decay: float) -> None:
    settings = Settings(optimiser=name, weight_decay=decay)
    reference = [torch.nn.Parameter(value) for value in _draw(0)]
    theirs = CLASSES[name](reference, decay)
    values = _draw(0)
    ours = Optimiser(settings, {str(i): value for i, value in enumerate(values)})
    for step in range(1, 8):
        gradients = _draw(step)
        for parameter, gradient in zip(reference, gradients, strict=True):
            parameter.grad = gradient.clone()
        theirs.step()
        ours.step([gradient.clone() for gradient in gradients], 0.01)
        for parameter, value in zip(reference, values, strict=True):
            torch.testing.assert_close(value, parameter.data, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", CLASSES)
def test_state_taken_back_goes_on_to_the_same_bits(name: Any) -> None:
    settings = Settings(optimiser=name)
    values, others = _draw(0), _draw(0)
    one = Optimiser(settings, {"a": values[0], "b": values[1]})
    one.step(_draw(1), 0.1)
    other = Optimiser(settings, {"a": others[0], "b": others[1]})
    other.restore({key: value.clone() for key, value in one.state().items()})
    for value, copy in zip(values, others, strict=True):
        copy.copy_(value)
    one.step(_draw(2), 0.1)
    other.step(_draw(2), 0.1)
    assert all(torch.equal(value, copy) for value, copy in zip(values, others, strict=True))


@pytest.mark.parametrize("name", CLASSES)
def test_memory_layouts_of_weights_and_gradients_may_differ(name: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    plain, gradient = (torch.randn(4, 3, 3, 3, generator=generator) for _ in range(2))
    channels_last = plain.clone().contiguous(memory_format=torch.channels_last)
    for values in (plain, channels_last):
        Optimiser(Settings(optimiser=name), {"a": values}).step([gradient.clone()], 0.1)
    torch.testing.assert_close(channels_last, plain)


def test_clipping_bounds_the_common_norm_and_leaves_small_gradients_alone() -> None:
    gradients = _draw(3)
    norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    small = clip(gradients, 0.5)
    assert torch.cat([gradient.flatten() for gradient in small]).norm() == pytest.approx(0.5, rel=1e-4)
    torch.testing.assert_close(small[0] / small[0].norm(), gradients[0] / gradients[0].norm())
    assert torch.equal(clip(gradients, float(norm) * 2)[0], gradients[0])


def moves(clip_by: Any, sizes: list[float], **settings: Any) -> list[torch.Tensor]:
    """What plain gradient descent takes off a weight at each of these gradients' sizes."""
    value = torch.zeros(3)
    optimiser = Optimiser(Settings(optimiser="sgd", momentum=0.0, clip=clip_by, **settings), {"a": value})
    taken = []
    for size in sizes:
        before = value.clone()
        optimiser.step([torch.full((3,), size)], 1.0)
        taken.append(before - value)
    return taken


def test_by_default_a_gradient_that_bursts_is_cut_to_ten_times_the_usual_and_others_are_left_alone() -> None:
    sizes = [1.0, 2.0, 0.5, 1000.0, 1.0]
    taken = [float(move[0]) for move in moves("auto", sizes)]
    assert taken[:3] == sizes[:3]
    assert taken[4] == 1.0
    usual = 0.9 * (0.9 * 1.0 + 0.1 * 2.0) + 0.1 * 0.5
    assert taken[3] == pytest.approx(10 * usual, rel=1e-5)


@pytest.mark.parametrize("off", [None, 0])
def test_clipping_can_be_turned_off(off: Any) -> None:
    assert [float(move[0]) for move in moves(off, [1.0, 1000.0])] == [1.0, 1000.0]
    assert Settings.from_json(Settings(clip=off).to_json()) == Settings(clip=0)


def test_the_norm_of_large_gradients_is_estimated_from_rows() -> None:
    gradients = [torch.randn(700, 300, generator=torch.Generator().manual_seed(0)), *_draw(1)]
    exact = torch.cat([gradient.flatten() for gradient in gradients]).norm()
    assert float(optimisers._rough_norm(gradients)) == pytest.approx(float(exact), rel=0.05)
    assert float(optimisers._rough_norm(_draw(1))) == pytest.approx(
        float(torch.cat([gradient.flatten() for gradient in _draw(1)]).norm()), rel=1e-5
    )
