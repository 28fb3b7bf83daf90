"""The base of all distances between the decoder's output and the clean target, one number per sample."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol, Self

import torch
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.part import Part, Shape

Range = tuple[float, float] | None


class Distance(Part):
    """The distance of an output to its target, and how an output becomes a reconstruction.

    A subclass defines `elements` and overrides the rest as needed. unit: of the distance. likelihood: whether it is a
    negative log-probability in nats. density: whether that is the one of a density, whose nats depend on the data's
    unit. reduction: the sum or the mean over a sample's numbers.

    link: how the decoder's output becomes a reconstruction: "sigmoid" (data in 0..1), "identity" (any data), or "auto",
        which is decided from the data: sigmoid if they lie in 0..1, else identity.
    """

    unit: ClassVar[str] = ""
    likelihood: ClassVar[bool] = False
    density: ClassVar[bool] = False
    reduction: ClassVar[Literal["sum", "mean"]] = "sum"

    link: Literal["auto", "identity", "sigmoid"] = "auto"

    @classmethod
    def _adapted(cls, value: Any) -> Any:
        """Convert a function or module to the distance that calls it."""
        if not callable(value) or cls is not Distance or isinstance(value, Distance):
            return value
        return cls.model_validate({"kind": "custom", "function": value})

    def resolve(self, spec: DataSpec) -> Self:
        """The same distance with `link` decided from these facts about the data.

        Raises:
            BlueprintError: the data have values that the output can't take.
        """
        link = self.link
        if link == "auto":
            link = "sigmoid" if within_unit(spec.range) else "identity"
        if link == "sigmoid" and not within_unit(spec.range):
            raise BlueprintError(
                f"{self.kind} with a sigmoid output needs data in 0..1, but these are {words(spec.range)}. "
                "Scale them with scaling='minmax', or use link='identity'."
            )
        return self if link == self.link else self.replace(link=link)

    def check(self, sample: Tensor) -> None:
        """Raise BlueprintError if (N, *shape) scaled samples don't suit this distance, for example negative counts.

        Called once, when a model is built for data; missing numbers are NaN.
        """

    def outputs(self, shape: Shape) -> Shape:
        """The shape of the decoder's output for samples of this shape: the same, or with more channels."""
        return shape

    def outputs_picture(self, shape: Shape) -> bool:
        """Whether the decoder's output is the picture itself, for samples of this shape."""
        output = torch.linspace(-2, 2, math.prod(shape)).view(1, *shape)
        return self.outputs(shape) == shape and torch.equal(self.picture(output), output)

    def picture(self, output: Tensor) -> Tensor:
        """The decoder's output (N, *outputs) to (N, *shape) in the scaled data's space."""
        return torch.sigmoid(output) if self.link == "sigmoid" else output

    def output(self, picture: Tensor) -> Tensor:
        """The inverse of `picture`; with a sigmoid, values are kept away from 0 and 1."""
        return torch.logit(picture.clamp(0.01, 0.99)) if self.link == "sigmoid" else picture

    def start(self, sample: Tensor) -> Tensor:
        """The best constant output (1, *outputs) for (n, *shape) scaled samples; missing numbers are NaN.

        A network starts there: at their mean, and at their spread if the decoder makes one.
        """
        return self.output(mean_of(sample)[None])

    def as_input(self, x: Tensor) -> Tensor:
        """(N, *seen) scaled samples to the encoder's input: unchanged, unless the distance transforms them."""
        return x

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *outputs), (N, *shape) to (N, *shape): the loss of each number."""
        raise NotImplementedError

    def cumulative(self, output: Tensor, value: Tensor) -> Tensor:
        """(N, *outputs), (N, *shape) to (N, *shape): the probability of a number below this value, for a codec.

        Raises:
            BlueprintError: the distance isn't a likelihood whose distribution function is known.
        """
        raise BlueprintError(
            f"The distance {self.kind} has no distribution function. Use a likelihood: bce for black and white, "
            "logistic-mixture for bytes, column-likelihood for tables, or gaussian."
        )

    def numbers(self, output: Tensor, shape: Shape) -> "tuple[Tensor, Numbers]":
        """(N, *outputs) of samples of this shape to the parameters (N·D, P) of each number, and what they mean.

        Functions that all values of a number share are computed once, so that a codec can ask for many values.

        Raises:
            BlueprintError: the distance isn't a likelihood whose distribution function is known.
        """
        return output.unflatten(1, (-1, shape[0])).movedim(1, -1).flatten(0, -2), _Alike(self)

    def __call__(self, output: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
        """(N, *outputs), (N, *shape) to (N,); `observed` (N, *shape) is False for numbers that don't count."""
        elements = self.elements(output, target).flatten(1)
        if observed is None:
            return elements.sum(1) if self.reduction == "sum" else elements.mean(1)
        observed = observed.flatten(1)
        total = torch.where(observed, elements, 0).sum(1)
        return total if self.reduction == "sum" else total / observed.sum(1).clamp(min=1)

    def _difference(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *shape) reconstruction minus target."""
        self._check_shapes(output, target)
        return self.picture(output) - target

    def _check_shapes(self, output: Tensor, target: Tensor) -> None:
        """Refuse shapes that would silently broadcast: they must match `outputs`."""
        wanted = (len(target), *self.outputs(tuple(target.shape[1:]))) if target.ndim else ()
        if tuple(output.shape) != wanted:
            raise ValueError(
                f"The output has shape {tuple(output.shape)}, but {wanted} is needed for a target of "
                f"{tuple(target.shape)}."
            )


class Numbers(Protocol):
    """The distribution of a number by its P parameters (see `Distance.numbers`)."""

    def likely(self, parameters: Tensor) -> Tensor:
        """(n, P) to (n,): a likely scaled value of each."""
        ...

    def cumulative(self, parameters: Tensor, value: Tensor) -> Tensor:
        """(n, P), (n,) to (n,): the probabilities of a number below these scaled values."""
        ...


@dataclass(frozen=True)
class _Alike:
    """The numbers of a distance that treats all numbers alike, each as a sample of its own."""

    distance: Distance

    def likely(self, parameters: Tensor) -> Tensor:
        """(n, P) to (n,): the reconstructions."""
        return self.distance.picture(parameters)[:, 0]

    def cumulative(self, parameters: Tensor, value: Tensor) -> Tensor:
        """(n, P), (n,) to (n,)."""
        return self.distance.cumulative(parameters, value[:, None])[:, 0]


def mean_of(sample: Tensor) -> Tensor:
    """(*shape) mean of (n, *shape) over known numbers; 0 if none is known."""
    return sample.nanmean(0, dtype=torch.float64).nan_to_num(0, 0, 0).float()


def variance_of(sample: Tensor) -> Tensor:
    """(*shape) variance of (n, *shape) over known numbers; 0 if none is known."""
    return mean_of((sample - mean_of(sample)).square())


def within_unit(data: Range) -> bool:
    """Whether data of this range lie in 0..1."""
    return data is not None and data[0] >= 0 and data[1] <= 1


def words(data: Range) -> str:
    """The range of data for a message."""
    return "unbounded" if data is None else f"in {data[0]:g}..{data[1]:g}"
