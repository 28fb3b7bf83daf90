"""Errors: squared and absolute differences, which aren't likelihoods."""

import math
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances.distance import Distance

ROUNDING = 1e-6
"""A squared error of data in 0..1 that is below the rounding to bytes: 60 dB."""


class Sse(Distance):
    r"""Sum of squared errors over a sample's numbers: :math:`\lVert \hat x - x \rVert^2`, as the lectures print it."""

    unit: ClassVar[str] = "squared units"

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *shape), (N, *shape) to (N, *shape)."""
        return self._difference(output, target).square()

    def with_slope(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        r"""(N, *shape), (N, *shape) to (N,) and :math:`2(\hat x - x)`, times the link's derivative."""
        self._check_shapes(output, target)
        picture = self.picture(output)
        difference = picture - target
        squares = difference.square().flatten(1)
        share = 1.0 if self.reduction == "sum" else 1 / squares.shape[1]
        values = squares.sum(1) * share
        difference *= 2 * share
        return values, torch.ops.aten.sigmoid_backward(difference, picture) if self.link == "sigmoid" else difference


class Mse(Sse):
    r"""Mean squared error over a sample's numbers: :math:`\frac1D\sum_i (\hat x_i - x_i)^2`."""

    unit: ClassVar[str] = "squared units per number"
    reduction: ClassVar[Literal["sum", "mean"]] = "mean"


class Psnr(Mse):
    r"""The mean squared error in decibels: :math:`10 \log_{10}(1 + \text{mse} / 10^{-6})`, so 60 less PSNR.

    It measures the relative improvement of each sample, so difficult or badly damaged samples don't dominate. The model
    makes small corrections if it is uncertain, and leaves correct pixels unchanged. Use it for pictures that are
    measured by their PSNR. Below :math:`10^{-6}`, less than the rounding to bytes, it is flat.

    Source: Chen et al., HINet: half instance normalization network for image restoration, CVPR workshops (2021).
    """

    unit: ClassVar[str] = "dB"

    def __call__(self, output: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
        """(N, *shape), (N, *shape) to (N,); `observed` (N, *shape) is False for numbers that don't count."""
        return 10 / math.log(10) * torch.log1p(super().__call__(output, target, observed) / ROUNDING)


class L1(Distance):
    r"""Mean absolute error over a sample's numbers: :math:`\frac1D\sum_i |\hat x_i - x_i|`; robust to outliers.

    Its best constant is the median. For dark pictures the median is black, and a sigmoid near black has a slope of 0,
    so nothing is learnt. Therefore the link "auto" is always the identity here. Black is still a plateau, and leaving
    it takes some hundred steps: on MNIST, one epoch with batch_size=64 is enough, one with batch_size=256 is not.
    """

    unit: ClassVar[str] = "units per number"
    reduction: ClassVar[Literal["sum", "mean"]] = "mean"

    def resolve(self, spec: DataSpec) -> Self:
        """The same distance with `link` decided (see `Distance.resolve`)."""
        return self.replace(link="identity") if self.link == "auto" else super().resolve(spec)

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *shape), (N, *shape) to (N, *shape)."""
        return self._difference(output, target).abs()
