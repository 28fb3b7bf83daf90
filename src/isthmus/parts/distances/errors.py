"""Errors: squared and absolute differences, which are no likelihoods."""

from typing import ClassVar, Literal, Self

from torch import Tensor

from isthmus.parts.distances.distance import Distance
from isthmus.parts.facts import Facts


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


class L1(Distance):
    r"""Mean absolute error over a sample's numbers: :math:`\frac1D\sum_i |\hat x_i - x_i|`; forgiving to outliers.

    Its best constant is the median. For dark pictures that is black, which a sigmoid reaches only where its slope is 0
    and nothing is learnt any more; so "auto" is the identity here, whatever the data. Even so black is a plateau, which
    takes some hundred steps to leave: on MNIST an epoch of small batches (batch_size=64) does, one of 256 does not.
    """

    unit: ClassVar[str] = "units per number"
    reduction: ClassVar[Literal["sum", "mean"]] = "mean"

    def settled(self, facts: Facts) -> Self:
        """The same distance with `link` decided (see `Distance.settled`)."""
        return self.replace(link="identity") if self.link == "auto" else super().settled(facts)

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *shape), (N, *shape) to (N, *shape)."""
        return self._difference(output, target).abs()
