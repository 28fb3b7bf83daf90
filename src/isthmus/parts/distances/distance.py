"""What every distance is: how far the decoder's output is from the clean target, one number per sample."""

from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.part import Part, Shape

Range = tuple[float, float] | None


class Distance(Part):
    """How far an output is from its target, and how an output is shown.

    A kind of its own says `elements`, and what else differs. Its `unit`; whether it is a `likelihood`, so a negative
    log-probability in nats, and that of a `density`, whose nats depend on the data's unit; and its `reduction`, the sum
    or the mean over a sample's numbers.

    link: how the decoder's output becomes a picture: "sigmoid" (data in 0..1), "identity" (any data), or "auto", which
        a blueprint settles when it meets the data: sigmoid where they lie in 0..1, else identity.
    """

    unit: ClassVar[str] = ""
    likelihood: ClassVar[bool] = False
    density: ClassVar[bool] = False
    reduction: ClassVar[Literal["sum", "mean"]] = "sum"

    link: Literal["auto", "identity", "sigmoid"] = "auto"

    @classmethod
    def _adapted(cls, value: Any) -> Any:
        """A function or a module as the distance that calls it."""
        if not callable(value) or cls is not Distance or isinstance(value, Distance):
            return value
        return cls.model_validate({"kind": "custom", "function": value})

    def resolve(self, spec: DataSpec) -> Self:
        """The same distance with `link` decided for data of which this is known.

        Raises:
            BlueprintError: the data don't fit, for the values that the output can take don't cover them.
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

    def start(self, sample: Tensor) -> Tensor:
        """(n, *shape) scaled samples, NaN where a number is missing, to the (1, *outputs) that suits all of them best.

        A network begins there: at their mean, and at their spread where the decoder makes one.
        """
        return self.output(mean_of(sample)[None])

    def as_input(self, x: Tensor) -> Tensor:
        """(N, *seen) scaled samples as the encoder takes them: as they are, unless their scale asks for another."""
        return x

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *outputs), (N, *shape) to (N, *shape): what each number adds."""
        raise NotImplementedError

    def __call__(self, output: Tensor, target: Tensor, observed: Tensor | None = None) -> Tensor:
        """(N, *outputs), (N, *shape) to (N,); `observed` (N, *shape), where given, is False for what doesn't count."""
        elements = self.elements(output, target).flatten(1)
        if observed is None:
            return elements.sum(1) if self.reduction == "sum" else elements.mean(1)
        observed = observed.flatten(1)
        total = torch.where(observed, elements, 0).sum(1)
        return total if self.reduction == "sum" else total / observed.sum(1).clamp(min=1)

    def _difference(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, *shape) picture minus target."""
        self._check_shapes(output, target)
        return self.picture(output) - target

    def _check_shapes(self, output: Tensor, target: Tensor) -> None:
        """Shapes that would broadcast are the classical trap: they must be those that `outputs` says."""
        wanted = (len(target), *self.outputs(tuple(target.shape[1:]))) if target.ndim else ()
        if tuple(output.shape) != wanted:
            raise ValueError(
                f"The output has shape {tuple(output.shape)}, the target {tuple(target.shape)}; {wanted} needed."
            )


def mean_of(sample: Tensor) -> Tensor:
    """(*shape) mean of (n, *shape), of what is known; 0 where nothing is."""
    return sample.nanmean(0, dtype=torch.float64).nan_to_num(0, 0, 0).float()


def variance_of(sample: Tensor) -> Tensor:
    """(*shape) variance of (n, *shape), of what is known; 0 where nothing is."""
    return mean_of((sample - mean_of(sample)).square())


def within_unit(data: Range) -> bool:
    """Whether data of this range lie in 0..1."""
    return data is not None and data[0] >= 0 and data[1] <= 1


def words(data: Range) -> str:
    """The range of data for a message."""
    return "unbounded" if data is None else f"in {data[0]:g}..{data[1]:g}"
