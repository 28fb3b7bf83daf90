"""Errors: squared and absolute differences, which are no likelihoods."""

import math
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances.distance import Distance

ROUNDING = 1e-6
"""A squared error of data in 0..1 that no file of bytes holds: 60 dB."""


class Mse(Distance):
    r"""Mean squared error over a sample's numbers: :math:`\frac1D\sum_i (\hat x_i - x_i)^2`."""

    unit: ClassVar[str] = "squared units per number"
    reduction: ClassVar[Literal["sum", "mean"]] = "mean"

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *shape), (N, *shape) to (N, *shape)."""
        return self._difference(output, target).square()


class Sse(Distance):
    r"""Sum of squared errors over a sample's numbers: :math:`\lVert \hat x - x \rVert^2`, as the lectures print it."""

    unit: ClassVar[str] = "squared units"

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *shape), (N, *shape) to (N, *shape)."""
        return self._difference(output, target).square()


class Psnr(Mse):
    r"""The mean squared error in decibels: :math:`10 \log_{10}(1 + \text{mse} / 10^{-6})`, so 60 less PSNR.

    It counts how many times better each sample becomes. Those that are hard, or spoilt most, don't decide alone: a
    correction that little speaks for is a small one, and what is right already is left alone. For pictures that are
    judged by their PSNR. Below :math:`10^{-6}`, less than bytes can hold, it is flat.

    Source: Chen et al., HINet: half instance normalization network for image restoration, CVPR workshops (2021).
    """

    unit: ClassVar[str] = "dB"

    def __call__(self, output: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
        """(N, *shape), (N, *shape) to (N,); `observed` (N, *shape), where given, is False for what doesn't count."""
        return 10 / math.log(10) * torch.log1p(super().__call__(output, target, observed) / ROUNDING)


class L1(Distance):
    r"""Mean absolute error over a sample's numbers: :math:`\frac1D\sum_i |\hat x_i - x_i|`; forgiving to outliers.

    Its best constant is the median. For dark pictures that is black, which a sigmoid reaches only where its slope is 0
    and nothing is learnt any more; so "auto" is the identity here, whatever the data. Even so black is a plateau, which
    takes some hundred steps to leave: on MNIST an epoch of small batches (batch_size=64) does, one of 256 does not.
    """

    unit: ClassVar[str] = "units per number"
    reduction: ClassVar[Literal["sum", "mean"]] = "mean"

    def resolve(self, spec: DataSpec) -> Self:
        """The same distance with `link` decided (see `Distance.resolve`)."""
        return self.replace(link="identity") if self.link == "auto" else super().resolve(spec)

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *shape), (N, *shape) to (N, *shape)."""
        return self._difference(output, target).abs()
