"""The base of all distances between the decoder's output and the clean target, one number per sample."""

import math
from functools import cache
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances.closed_form import ClosedForm, applies
from isthmus.parts.part import Part, Shape

Range = tuple[float, float] | None


class Distance(Part):
    """The distance of an output to its target, and how an output becomes a reconstruction.

    A subclass defines `elements` and overrides the rest as needed. unit: of the distance. likelihood: whether it is a
    negative log-probability in nats. density: whether that is the one of a density, whose nats depend on the data's
    unit. reduction: the sum or the mean over a sample's numbers. asks_grids: whether `resolve` needs the grids of
    columns, which take a moment to find.

    link: how the decoder's output becomes a reconstruction: "sigmoid" (data in 0..1), "identity" (any data), or "auto",
        which is decided from the data: sigmoid if they lie in 0..1, else identity.
    """

    unit: ClassVar[str] = ""
    likelihood: ClassVar[bool] = False
    density: ClassVar[bool] = False
    reduction: ClassVar[Literal["sum", "mean"]] = "sum"
    alike: ClassVar[bool] = True
    asks_grids: ClassVar[bool] = False

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

    def parameters(self, output: Tensor) -> Tensor:
        """The decoder's (N, *outputs) to the parameters of `cumulative`, (N, P · C, …): what is computed once.

        First come the first parameters of all numbers, then the second ones, and so on; unless the numbers aren't
        `alike`.

        Raises:
            BlueprintError: this distance gives no probabilities of exact values.
        """
        raise BlueprintError(
            f"The distance {self.kind!r} gives no probabilities of exact values. Use 'bce' for black and white, "
            "'logistic-mixture' for bytes, or 'column-likelihood' for tables."
        )

    def cumulative(self, parameters: Tensor, value: Tensor) -> Tensor:
        """The probability of a smaller number than each value: (N, P · C, …), (N, *shape) scaled to (N, *shape).

        Only a likelihood of exact values has it. Between the middles of neighbouring values it grows by the probability
        of the value between them, the exponential of minus `elements`. It computes with operations that have an exact
        form (`isthmus.exact`), so that a lossless codec can repeat it.
        """
        raise NotImplementedError

    def likely(self, parameters: Tensor) -> Tensor:
        """(N, P · C, …) to (N, *shape): a likely value, scaled, at which a codec begins its search."""
        raise NotImplementedError

    def __call__(self, output: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
        """(N, *outputs), (N, *shape) to (N,); `observed` (N, *shape) is False for numbers that don't count."""
        if observed is None:
            closed = applies(output, target) and _knows_slope(type(self))
            return ClosedForm.apply(output, target, self) if closed else self.plain(output, target)
        elements, observed = self.elements(output, target).flatten(1), observed.flatten(1)
        total = torch.where(observed, elements, 0).sum(1)
        return total if self.reduction == "sum" else total / observed.sum(1).clamp(min=1)

    def plain(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *outputs), (N, *shape) to (N,), the sum or mean of `elements`."""
        elements = self.elements(output, target).flatten(1)
        return elements.sum(1) if self.reduction == "sum" else elements.mean(1)

    def with_slope(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """`plain`, (N,), and its (N, *outputs) derivative by the output, for a distance that knows it in closed form.

        Training then uses it (see `closed_form`), unless a subclass changes what it stands for.
        """
        raise NotImplementedError

    def _difference(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *shape) reconstruction minus target."""
        self._check_shapes(output, target)
        return self.picture(output) - target

    def _check_shapes(self, output: Tensor, target: Tensor) -> None:
        """Refuse shapes that would silently broadcast: they must match `outputs`."""
        wanted = (target.shape[0], *self.outputs(tuple(target.shape[1:]))) if target.ndim else ()
        if tuple(output.shape) != wanted:
            raise ValueError(
                f"The output has shape {tuple(output.shape)}, but {wanted} is needed for a target of "
                f"{tuple(target.shape)}."
            )


@cache
def _knows_slope(kind: type[Distance]) -> bool:
    """Whether it defines `with_slope`, and no class below that one changes the values themselves."""
    places = {name: place for place, one in reversed([*enumerate(kind.__mro__)]) for name in vars(one)}
    own = places["with_slope"] < kind.__mro__.index(Distance)
    return own and places["with_slope"] <= min(places[name] for name in ("elements", "plain", "picture", "_difference"))


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
