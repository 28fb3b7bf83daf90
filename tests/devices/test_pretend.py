"""The pretend accelerator refuses what CUDA and MPS refuse, else the tests on it would show nothing."""

import numpy as np
import pytest
import torch
from pretend import waits

HERE = torch.device("pretend")


@pytest.fixture
def x():
    return torch.arange(12.0).view(4, 3).to(HERE)


@pytest.mark.parametrize(
    "mix",
    [
        lambda x: x + torch.ones(3),
        lambda x: torch.ones(4, 3).add_(x),
        lambda x: torch.zeros(()).add_(x.sum()),
        lambda x: torch.cat([x, torch.ones(1, 3)]),
        lambda x: torch.index_select(x, 0, torch.tensor([0])),
        lambda x: torch.ones(4, 3)[x.argmax(0)],
        lambda x: torch.nn.functional.linear(x, torch.ones(2, 3)),
        lambda x: torch.nn.functional.conv1d(x[None], torch.ones(1, 4, 1)),
        lambda x: torch.equal(x, torch.ones(4, 3)),
    ],
)
def test_tensors_of_two_devices_do_not_mix(x, mix):
    with pytest.raises(RuntimeError, match=r"same device|Input type|indices should be"):
        mix(x)


def test_what_cuda_takes_from_the_cpu_is_taken(x):
    assert (x + torch.tensor(2.0)).device == x[torch.tensor([0, 1])].device == x.device
    assert x.cpu()[1].tolist() == (x + 0)[1].tolist() == [3.0, 4.0, 5.0]


def test_numpy_gets_nothing_of_it(x):
    for read in (x.numpy, lambda: np.asarray(x)):
        with pytest.raises(TypeError, match="can't convert pretend:0 device type tensor to numpy"):
            read()


def test_it_has_no_float64_and_draws_by_no_generator_of_the_cpu(x):
    for made in (
        x.double,
        lambda: x.sum(dtype=torch.float64),
        lambda: torch.zeros(2, device=HERE, dtype=torch.float64),
    ):
        with pytest.raises(TypeError, match="no float64"):
            made()
    with pytest.raises(RuntimeError, match="for generator"):
        torch.rand(2, device=HERE, generator=torch.Generator())
    with pytest.raises(RuntimeError, match="for generator"):
        torch.rand(2, generator=torch.Generator(device=HERE))


def test_its_generator_repeats_its_numbers_and_its_state_is_no_cpu_generators():
    generator = torch.Generator(device=HERE).manual_seed(3)
    state, drawn = generator.get_state(), torch.randn(5, device=HERE, generator=generator)
    generator.set_state(state)
    assert torch.equal(torch.randn(5, device=HERE, generator=generator).cpu(), drawn.cpu())
    assert not torch.equal(torch.randn(5, generator=torch.Generator().manual_seed(3)), drawn.cpu())
    with pytest.raises(RuntimeError, match="wrong size"):
        generator.set_state(torch.Generator().get_state())


def test_it_counts_how_often_the_host_waits_for_it(x):
    with waits() as counted:
        y = x[x.argmax(0)] * 2 + 1
        made = torch.full((2,), 3.0, device=HERE)
    assert (counted.reads, counted.uploads) == (0, 0)
    for read in (lambda: float(y.sum()), y.cpu, y.tolist, (y > 0).nonzero, lambda: y[y > 0]):
        with waits() as counted:
            read()
        assert counted.reads >= 1
        assert counted.uploads == 0
    for write in (
        lambda: torch.tensor([1.0], device=HERE),
        lambda: y[torch.tensor([0])],
        lambda: made.copy_(torch.ones(2)),
    ):
        with waits() as counted:
            write()
        assert counted.reads == 0
        assert counted.uploads >= 1


def test_gradients_are_those_of_the_cpu(x):
    weights = [torch.full((3, 2), 0.5, device=device, requires_grad=True) for device in ("cpu", HERE)]
    for weight, given in zip(weights, (x.cpu(), x), strict=True):
        (given @ weight).tanh().square().sum().backward()
    gradients = [weight.grad.cpu() for weight in weights if weight.grad is not None]
    assert torch.equal(*gradients)
