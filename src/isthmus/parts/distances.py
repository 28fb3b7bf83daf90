"""Distances: how far the decoder's output is from the clean target, one number per sample."""

import math
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.facts import Facts
from isthmus.parts.part import Part, Shape

Range = tuple[float, float] | None


class Distance(Part):
    """How far an output is from its target, and how an output is shown.

    A kind of its own says `elements`, and what else differs. Its `unit`; whether it is a `likelihood`, so a negative
    log-probability in nats; and its `reduction`, the sum or the mean over a sample's numbers.

    link: how the decoder's output becomes a picture: "sigmoid" (data in 0..1), "identity" (any data), or "auto", which
        a blueprint settles when it meets the data: sigmoid where they lie in 0..1, else identity.
    """

    unit: ClassVar[str] = ""
    likelihood: ClassVar[bool] = False
    reduction: ClassVar[Literal["sum", "mean"]] = "sum"

    link: Literal["auto", "identity", "sigmoid"] = "auto"

    def settled(self, facts: Facts) -> Self:
        """The same distance with `link` decided for data of which this is known.

        Raises:
            BlueprintError: the data don't fit, for the values that the output can take don't cover them.
        """
        link = self.link
        if link == "auto":
            link = "sigmoid" if _within_unit(facts.range) else "identity"
        if link == "sigmoid" and not _within_unit(facts.range):
            raise BlueprintError(
                f"{self.kind} with a sigmoid output needs data in 0..1, but these are {_words(facts.range)}. "
                "Scale them with scaling='minmax', or use link='identity'."
            )
        return self if link == self.link else self.replace(link=link)

    def check(self, sample: Tensor) -> None:
        """Raise BlueprintError where (N, *shape) scaled samples don't suit this distance: negative counts, say.

        Asked once, when a blueprint meets its data; numbers that are missing are NaN.
        """

    def outputs(self, shape: Shape) -> Shape:
        """The shape that the decoder must make for samples of this shape: theirs, or more channels of it."""
        return shape

    def picture(self, output: Tensor) -> Tensor:
        """(N, *outputs) decoder's output to (N, *shape) in the (scaled) data's space."""
        return torch.sigmoid(output) if self.link == "sigmoid" else output

    def output(self, picture: Tensor) -> Tensor:
        """The (N, *outputs) whose picture this is; kept off 0 and 1, which a sigmoid reaches at infinity only."""
        return torch.logit(picture.clamp(0.01, 0.99)) if self.link == "sigmoid" else picture

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *outputs), (N, *shape) to (N, *shape): what each number adds."""
        raise NotImplementedError

    def __call__(self, output: Tensor, target: Tensor, known: Tensor | None = None) -> Tensor:
        """(N, *outputs), (N, *shape) to (N,); `known` (N, *shape), where given, is False for what doesn't count."""
        elements = self.elements(output, target).flatten(1)
        if known is None:
            return elements.sum(1) if self.reduction == "sum" else elements.mean(1)
        known = known.flatten(1)
        total = torch.where(known, elements, 0).sum(1)
        return total if self.reduction == "sum" else total / known.sum(1).clamp(min=1)

    def _difference(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *shape) picture minus target; shapes that would broadcast are the classical trap: they must be equal."""
        _check_shapes(output, target)
        return self.picture(output) - target


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
    and nothing is learnt any more; so "auto" is the identity here, whatever the data.
    """

    unit: ClassVar[str] = "units per number"
    reduction: ClassVar[Literal["sum", "mean"]] = "mean"

    def settled(self, facts: Facts) -> Self:
        """The same distance with `link` decided (see `Distance.settled`)."""
        return self.replace(link="identity") if self.link == "auto" else super().settled(facts)

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *shape), (N, *shape) to (N, *shape)."""
        return self._difference(output, target).abs()


class Bce(Distance):
    r"""Binary cross-entropy on logits, summed over a sample's numbers, in nats.

    :math:`-\sum_i x_i\log\sigma(o_i) + (1-x_i)\log(1-\sigma(o_i)) = \sum_i \mathrm{softplus}(o_i) - x_i o_i`, the
    negative log-likelihood of a Bernoulli where x is 0 or 1. For grey values in between it is no density, and its
    minimum is the targets' entropy, not 0.
    """

    unit: ClassVar[str] = "nats"
    likelihood: ClassVar[bool] = True

    # narrower than the base's, which is sound for what is frozen
    link: Literal["auto", "sigmoid"] = "sigmoid"  # pyright: ignore[reportIncompatibleVariableOverride]

    def settled(self, facts: Facts) -> Self:
        """The same distance, once the data are known to lie in 0..1.

        Raises:
            BlueprintError: they don't.
        """
        if not _within_unit(facts.range):
            raise BlueprintError(
                f"{self.kind} needs data in 0..1, but these are {_words(facts.range)}. "
                "Scale them with scaling='minmax', or use another distance, such as 'mse'."
            )
        return self.replace(link="sigmoid")

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *shape) logits, (N, *shape) in 0..1 to (N, *shape) nats."""
        _check_shapes(output, target)
        return F.softplus(output) - target * output


class Gaussian(Distance):
    r"""Negative log-density of a Gaussian around the output, summed over a sample's numbers, in nats.

    :math:`\sum_i \frac{(\hat x_i - x_i)^2}{2\sigma^2} + \log\sigma + \frac12\log 2\pi`.

    scale: σ, the same for every number, in the (scaled) data's units.
    """

    unit: ClassVar[str] = "nats"
    likelihood: ClassVar[bool] = True

    scale: Annotated[float, Field(gt=0)] = 1.0

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *shape), (N, *shape) to (N, *shape) nats."""
        constant = math.log(self.scale) + 0.5 * math.log(2 * math.pi)
        return self._difference(output, target).square() / (2 * self.scale**2) + constant


def _check_shapes(output: Tensor, target: Tensor) -> None:
    if output.shape != target.shape:
        raise ValueError(f"The output has shape {tuple(output.shape)}, the target {tuple(target.shape)}; equal needed.")


def _within_unit(data: Range) -> bool:
    return data is not None and data[0] >= 0 and data[1] <= 1


def _words(data: Range) -> str:
    return "unbounded" if data is None else f"in {data[0]:g}..{data[1]:g}"
