"""The conv network learns from the first epoch with every distance; from PyTorch's own start it need not."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.blueprint import Blueprint
from isthmus.parts import L1, Bce, Conv, Distance, Gaussian, Mse, Plain, Sse

DISTANCES = [Mse(), Sse(), Bce(), Gaussian(), L1()]
SEEDS = range(2)
"""A start that depends on its draw is found by two; a fit takes seconds."""


class Digits:
    """Pictures in bytes, 1×28×28, as data for `Blueprint.build`."""

    shape = (1, 28, 28)
    scaling = Scaling("bytes", 0.0, 255.0, (0.0, 1.0))

    def __init__(self, pictures: Tensor) -> None:
        pictures = pictures[torch.randperm(len(pictures), generator=torch.Generator().manual_seed(0))]
        self.train = Samples(values=pictures[:-256], kind="pictures")
        self.test = pictures[-256:]

    def error(self, model: Autoencoder) -> float:
        """Mean squared error of the test pictures, scaled."""
        with torch.no_grad():
            seen = model(self.test)
        return float((seen.reconstruction - seen.clean).square().mean())

    @property
    def black(self) -> float:
        """The error of a black picture: where training sticks."""
        return float(self.scaling(self.test).square().mean())


def train(model: Autoencoder, data: Digits, steps: int, seed: int, batch: int = 16) -> float:
    """A plain loop of Adam's steps, on a few pictures a step; the error after it."""
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(steps):
        indices = torch.randint(len(data.train), (batch,), generator=generator)
        optimiser.zero_grad()
        model.loss(model(data.train.batch(indices)))[0].backward()
        optimiser.step()
    return data.error(model)


def build(data: Digits, distance: Distance, seed: int) -> Autoencoder:
    return Blueprint(network=Conv(), code=Plain(activation="relu"), distance=distance).build(data, seed=seed)


def as_pytorch_starts(model: Autoencoder, seed: int) -> Autoencoder:
    """The same network from PyTorch's own start."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for layer in model.modules():
            if isinstance(layer, nn.Conv2d):
                layer.reset_parameters()
    return model


@pytest.fixture(scope="module")
def digits() -> Digits:
    """scikit-learn's digits, enlarged into the middle of 28×28 black pixels."""
    small = torch.as_tensor(load_digits(return_X_y=True)[0], dtype=torch.float32).view(-1, 1, 8, 8) * (255 / 16)
    large = nn.functional.interpolate(small, size=20, mode="bilinear")
    return Digits(nn.functional.pad(large, (4, 4, 4, 4)).round().byte())


@pytest.mark.parametrize("distance", DISTANCES, ids=str)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_conv_network_starts_at_the_mean_and_learns_at_once(digits, distance, seed):
    model = build(digits, distance, seed)
    start = digits.error(model)
    assert start < 0.8 * digits.black
    assert train(model, digits, 80, seed, batch=8) < 0.6 * start


def test_from_pytorchs_start_the_conv_network_may_stick_at_black(digits):
    model = as_pytorch_starts(build(digits, Mse(), 0), 0)
    assert train(model, digits, 120, 0) == pytest.approx(digits.black, rel=0.01)


@pytest.fixture(scope="module")
def mnist() -> Digits:
    with np.load(Path(os.environ["ISTHMUS_DATA"]) / "mnist.npz") as file:
        return Digits(torch.from_numpy(file["x_train"][:4000])[:, None])


@pytest.mark.data
@pytest.mark.parametrize("distance", [Mse(), Sse(), Bce(), Gaussian()], ids=str)
def test_the_conv_network_learns_mnist_in_a_third_of_an_epochs_steps(mnist, distance):
    assert train(build(mnist, distance, 0), mnist, 80, 0, batch=8) < 0.07


@pytest.mark.data
def test_the_conv_network_learns_mnist_within_an_epochs_steps_with_the_absolute_error_too(mnist):
    """It needs more of them than the others: its best constant is black, so a plateau lies there."""
    assert train(build(mnist, L1(), 0), mnist, 700, 0, batch=8) < 0.6 * mnist.black


@pytest.mark.data
@pytest.mark.parametrize("distance", [Mse(), Gaussian(), L1(link="sigmoid")], ids=str)
def test_from_pytorchs_start_the_conv_network_sticks_at_black_on_mnist(mnist, distance):
    model = as_pytorch_starts(build(mnist, distance, 0), 0)
    assert train(model, mnist, 120, 0) == pytest.approx(mnist.black, rel=0.01)


@pytest.mark.data
def test_from_pytorchs_start_cross_entropy_alone_learns_on_mnist(mnist):
    """Its slope never fades behind the sigmoid; from the mean it is still quicker."""
    theirs = train(as_pytorch_starts(build(mnist, Bce(), 0), 0), mnist, 120, 0)
    ours = train(build(mnist, Bce(), 0), mnist, 120, 0)
    assert ours < theirs < 0.8 * mnist.black
