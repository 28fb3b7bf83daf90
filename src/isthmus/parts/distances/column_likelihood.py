"""The likelihood for tables of mixed columns: probabilities of the exact numbers and categories."""

import math
from collections.abc import Callable, Sequence
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.bounds import floored, slowed, unfloored
from isthmus.parts.constants import columns, constant
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances.distance import Distance, mean_of, variance_of
from isthmus.parts.distances.levels import LOG_SCALE_LIMIT, logistic_bin
from isthmus.parts.part import Shape

Even = tuple[Annotated[float, Field(ge=0)], float]
"""The scaled values of a column: whole multiples of the first number from the second one."""
Curved = tuple[
    Annotated[float, Field(gt=0)], float, float, Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]
]
"""The same of a column whose scaling has a curve: a typical step, and 0; then the scaling's shift and scale after the
curve, and the step before the curve, in its units."""
Grid = Even | Curved
_LEAST = 1 / 20
"""The smallest scale of a logistic, in steps of its column; then one value has all but 1e-4 of the probability."""
_ROUNDED = 2.0**-21
"""The error of a scaled value in float32, as a share of what was added to make it."""
_NARROW = 1e-2
_FARTHEST = 42.0
"""Beyond it, float32 can't square the hyperbolic sine."""


class ColumnLikelihood(Distance):
    r"""Negative log-probability of a table's cells, in nats, summed over a row's columns.

    A numeric column is a mixture of discretised logistics,
    :math:`P(x) = \sum_{i=1}^{K} w_i \big[\sigma\!\big(\frac{x + h - \mu_i}{s_i}\big) -
    \sigma\!\big(\frac{x - h - \mu_i}{s_i}\big)\big]`, whose bins are one step of the column wide, 2h, and reach to
    infinity in both directions. A column of categories has a softmax. The decoder makes the logits of w, then μ and
    log s of all numeric columns, then the logits of the categories, column by column. The reconstruction is the mean of
    a number, and the most likely category.

    components: K, the number of logistics.
    levels: the number of categories of each column, 0 for a numeric column; empty if all columns are numeric.
    grids: the step of each numeric column and the place of the number 0, scaled; a step of 0 for categories.
        Both are decided from the data: the step is the largest of 1, 0.1, … 0.000001, in the column's unit, of which
        all numbers are multiples. Numbers with more decimals count as rounded to six. If the scaling bends the column,
        the steps differ in width after it; then the grid holds the curve, too.

    Source: Xu et al., Modeling tabular data using conditional GAN, NeurIPS (2019), whose TVAE has a mixture for each
    number and a softmax for each category; the bins: Salimans et al., PixelCNN++, ICLR (2017).
    """

    unit: ClassVar[str] = "nats"
    likelihood: ClassVar[bool] = True
    alike: ClassVar[bool] = False
    asks_grids: ClassVar[bool] = True

    # narrower than the base's, which is sound for what is frozen
    link: Literal["auto", "identity"] = "identity"  # pyright: ignore[reportIncompatibleVariableOverride]
    components: Annotated[int, Field(ge=1, le=64)] = 4
    levels: tuple[Annotated[int, Field(ge=0)], ...] = ()
    grids: tuple[Grid, ...] = ()

    def resolve(self, spec: DataSpec) -> Self:
        """The same distance for these columns."""
        return self.replace(link="identity", levels=spec.levels or self.levels, grids=spec.grids or self.grids)

    def check(self, sample: Tensor) -> None:
        """Raise BlueprintError unless these are rows of a table."""
        if sample.ndim != 2:
            raise BlueprintError(
                f"The distance {self.kind!r} expects rows of a table, but the samples have shape "
                f"{tuple(sample.shape[1:])}. Use 'logistic-mixture' for pictures."
            )

    def outputs(self, shape: Shape) -> Shape:
        """3 K outputs for a numeric column, one logit for each category."""
        return (3 * self.components * len(self._numbers(shape[0])) + sum(self.levels), *shape[1:])

    def picture(self, output: Tensor) -> Tensor:
        """(N, outputs) to (N, D): means, and the index of the most likely category as a float."""
        logits, place, _, categories = self._parts(output)
        numbers = (logits.softmax(1) * place).sum(1)
        return self._joined(numbers, [own.argmax(1).to(output.dtype) for own in categories])

    def chances(self, output: Tensor) -> list[Tensor]:
        """(N, outputs) to the (N, levels) probabilities of each column of categories."""
        return [own.softmax(1) for own in self._parts(output)[3]]

    def output(self, picture: Tensor) -> Tensor:
        """(N, D) to (N, outputs): all logistics there, with a scale of 0.3; all categories equally likely."""
        numbers = columns(picture, self._numbers(picture.shape[1]))
        scale = self._unscaled(torch.full_like(numbers, 0.3))
        count = self.components
        equal = picture.new_zeros(len(picture), sum(self.levels), *picture.shape[2:])
        return torch.cat(
            [numbers.new_zeros(numbers.shape).repeat(1, count), *[numbers] * count, *[scale] * count, equal], 1
        )

    def start(self, sample: Tensor) -> Tensor:
        """(n, D) to (1, outputs): logistics spread over each column's numbers, and the categories' shares."""
        numbers = columns(sample, self._numbers(sample.shape[1]))
        mean = mean_of(numbers)[None]
        scale = variance_of(numbers)[None].sqrt() * (math.sqrt(3) / math.pi)
        middles = (torch.arange(self.components) + 0.5) / self.components
        places = [mean + scale * float(torch.logit(middle)) for middle in middles]
        narrower = self._unscaled(scale / math.sqrt(self.components)).float()
        logits = torch.cat([torch.zeros_like(mean)] * self.components, 1)
        shares = [
            (torch.bincount(self._observed(sample, place), minlength=levels)[:levels] + 0.5).log()
            for place, levels in enumerate(self.levels)
            if levels
        ]
        return torch.cat(
            [logits, *places, *[narrower] * self.components, *(share[None] for share in shares)], 1
        ).float()

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, outputs), (N, D) to (N, D) nats."""
        self._check_shapes(output, target)
        logits, place, narrow, categories = self._parts(output)
        middle, half = self._bins(columns(target, self._numbers(target.shape[1])))
        never = torch.zeros((), dtype=torch.bool, device=output.device)
        away = middle[:, None] - place
        nats = logits.logsumexp(1) - (logits - logistic_bin(away, half, narrow, never, never)).logsumexp(1)
        chosen = [
            own.logsumexp(1) - own.gather(1, self._category(target, column, own.shape[1]))[:, 0]
            for own, column in zip(categories, self._categorical, strict=True)
        ]
        return self._joined(nats, chosen)

    def parameters(self, output: Tensor) -> Tensor:
        """(N, outputs) to all w, μ and 1 / s, then the probabilities of at most each category, column by column."""
        logits, place, narrow, categories = self._parts(output)
        shares = [own.softmax(1).cumsum(1) for own in categories]
        return torch.cat([*(own.flatten(1) for own in (logits.softmax(1), place, narrow)), *shares], 1)

    def likely(self, parameters: Tensor) -> Tensor:
        """(N, parameters) to (N, D): means, and the categories' medians (see `Distance.likely`)."""
        own = sum(self.levels)
        numbers, shares = parameters.split([parameters.shape[1] - own, own], 1)
        weights, place, _ = numbers.unflatten(1, (3, self.components, -1)).unbind(1)
        each = shares.split([levels for levels in self.levels if levels], 1)
        return self._joined((weights * place).sum(1), [(one < 0.5).sum(1).to(one.dtype) for one in each])

    def cumulative(self, parameters: Tensor, value: Tensor) -> Tensor:
        """(N, parameters), (N, D) to (N, D); numbers have no first and no last value (see `Distance.cumulative`)."""
        own = sum(self.levels)
        numbers, shares = parameters.split([parameters.shape[1] - own, own], 1)
        weights, place, narrow = numbers.unflatten(1, (3, self.components, -1)).unbind(1)
        edge = value[:, None, self._numbers(value.shape[1])]
        below = (weights * torch.sigmoid((edge - place) * narrow)).sum(1)
        chosen = []
        for each, column in zip(
            shares.split([levels for levels in self.levels if levels], 1), self._categorical, strict=True
        ):
            least = value[:, column].ceil().long()  # the categories below it are smaller
            at = each.gather(1, (least - 1).clamp(0, each.shape[1] - 1)[:, None])[:, 0]
            chosen.append(torch.where(least > 0, at, 0.0 * at))
        return self._joined(below, chosen)

    def log_steps(self, scale: Tensor, units: Tensor | None = None) -> Tensor:
        """(D,) logarithms of the columns' steps in raw units; 0 for categories.

        scale: of the scaling, one for all columns or (D,). units: (D,) the units of the scaling's curve, if it has one.
        """
        scale = scale.double()
        if not self.grids:
            return scale.log()
        scale = scale.expand(len(self.grids))
        steps = [
            float(grid[4] * units[place]) if len(grid) == 5 and units is not None else float(grid[0] * scale[place])
            for place, grid in enumerate(self.grids)
        ]
        return torch.tensor([math.log(step) if step else 0.0 for step in steps], dtype=torch.float64)

    def _parts(self, output: Tensor) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, ...]]:
        """(N, outputs) to logits, μ and 1 / s (N, K, numbers), and the logits of each column of categories."""
        own = sum(self.levels)
        numbers, categories = output.split([output.shape[1] - own, own], 1)
        logits, place, scale = numbers.unflatten(1, (3, self.components, -1)).unbind(1)
        narrow = (-floored(slowed(scale, LOG_SCALE_LIMIT), self._least(output))).exp()
        return logits, place, narrow, categories.split([levels for levels in self.levels if levels], 1)

    def _joined(self, numbers: Tensor, categories: list[Tensor]) -> Tensor:
        """(N, numbers) and (N,) of each column of categories to (N, D), in the columns' order."""
        if not categories:
            return numbers
        order = self._numbers(len(self.levels)) + self._categorical
        back = sorted(range(len(order)), key=order.__getitem__)
        return columns(torch.cat([numbers, *(own[:, None] for own in categories)], 1), back)

    def _numbers(self, columns: int) -> list[int]:
        """The places of the numeric columns."""
        return [place for place in range(columns) if not self.levels or not self.levels[place]]

    @property
    def _categorical(self) -> list[int]:
        """The places of the columns of categories."""
        return [place for place, levels in enumerate(self.levels) if levels]

    def _grids(self, like: Tensor) -> Tensor:
        """(2, numbers) or (2, 1): the steps and the places of 0, in the number format of `like`."""
        own = tuple(grid[:2] for grid in self._of_numbers)
        return constant(own, like).view(-1, 2).T if self.grids else constant(((1.0,), (0.0,)), like)

    @property
    def _of_numbers(self) -> list[Grid]:
        """The grids of the numeric columns."""
        return [grid for place, grid in enumerate(self.grids) if not self.levels or not self.levels[place]]

    def _bins(self, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """(N, numbers) to the middles of their steps, and half the steps' widths, which broadcast to them."""
        half = self._grids(numbers)[0] / 2
        curves = tuple(grid[2:] if len(grid) == 5 else (0.0, 1.0, 0.0) for grid in self._of_numbers)
        if not any(step for *_, step in curves):
            return numbers, half
        shift, scale, step = constant(curves, numbers).T
        middle, own = _curved_bins(numbers * scale + shift, step)
        curved = step > 0
        return torch.where(curved, (middle - shift) / scale, numbers), torch.where(curved, own / scale, half)[:, None]

    def _category(self, target: Tensor, column: int, levels: int) -> Tensor:
        """(N, 1) category of each row; an unknown one, whose number is one too large, counts as the last."""
        return target[:, column, None].long().clamp(0, levels - 1)

    def _observed(self, sample: Tensor, place: int) -> Tensor:
        """The known categories of a column."""
        column = sample[:, place]
        return column[~column.isnan()].long()

    def _unscaled(self, scale: Tensor) -> Tensor:
        """(n, numbers): the decoder's output for these s, which are at least half a step."""
        least = self._least(scale)
        return unfloored(scale.maximum(self._grids(scale)[0] / 2).log(), least)

    def _least(self, like: Tensor) -> Tensor:
        """(numbers,): the lower bound of each column's log s."""
        return (self._grids(like)[0] * _LEAST).log()


def grids(
    sample: Tensor,
    shift: Tensor,
    scale: Tensor,
    levels: tuple[int, ...] = (),
    *,
    precise: bool = False,
    unbent: Callable[[Tensor], Tensor] = lambda bent: bent,
    units: Sequence[float] = (),
) -> tuple[Grid, ...]:
    """The grid of each column of (n, D) scaled samples (see `ColumnLikelihood`). NaN is ignored.

    shift, scale: of the scaling, one for all columns or one for each. precise: whether it was subtracted in float64.
    unbent: the inverse of the scaling's curve. units: its units, 0 for a column without; empty if there is no curve.
    """
    shift, scale = (value.double().expand(sample.shape[1]) for value in (shift, scale))
    bent = sample.double() * scale + shift
    raw = unbent(bent)
    found: list[Grid] = []
    for place, unit in enumerate(units or [0.0] * sample.shape[1]):
        column, own = raw[:, place], (float(shift[place]), float(scale[place]))
        known = column[~column.isnan()]
        if levels and levels[place]:
            found.append(_grid(0.0, *own))
        elif unit:
            curved = bent[:, place][~column.isnan()]
            reach = unit * curved.cosh()  # of an error of the curved value
            step = _step(known, _ROUNDED * reach * (curved.abs() if precise else curved.abs().clamp(min=abs(own[0]))))
            found.append(_curved_grid(curved, *own, step / unit))
        else:
            rounded = known - own[0] if precise else torch.cat([known, known.new_tensor([own[0]])])
            error = _ROUNDED * (rounded.abs().max() if len(rounded) else rounded.new_zeros(()))
            found.append(_grid(_step(known, error.expand_as(known)), *own))
    return tuple(found)


def _grid(step: float, shift: float, scale: float) -> Even:
    return float(torch.tensor(step)) / scale, -shift / scale


def _curved_grid(curved: Tensor, shift: float, scale: float, step: float) -> Curved:
    """The grid of a column with a curve, from (n,) curved values; the step is in the curve's units."""
    _, half = _curved_bins(curved, step)
    typical = float((2 * half).log().mean().exp()) if len(curved) else step
    return typical / scale, -shift / scale, shift, scale, step


def _curved_bins(curved: Tensor, step: "Tensor | float") -> tuple[Tensor, Tensor]:
    """Middle and half the width of the bins around curved values; a step wide before the curve, in its units."""
    place = curved.clamp(-_FARTHEST, _FARTHEST).sinh()
    width = step / torch.hypot(place, torch.ones_like(place))
    low, high = (place - step / 2).asinh(), (place + step / 2).asinh()
    narrow = width < _NARROW  # the difference of the edges would have too few digits
    return torch.where(narrow, curved, (low + high) / 2), torch.where(narrow, width, high - low) / 2


def _step(numbers: Tensor, errors: Tensor) -> float:
    """The largest of 1, 0.1, … 0.000001 of which all these are multiples; the last one if none is.

    errors: of each number; those with an error of a tenth of a step or more don't count, unless they are most.
    """
    for digits in range(7):
        steps = numbers * 10.0**digits
        allowed = (errors * 10.0**digits).clamp(min=1e-3)  # in steps
        clear = allowed < 0.1
        if 2 * int(clear.sum()) >= len(numbers) and bool(((steps - steps.round()).abs() < allowed)[clear].all()):
            return 10.0**-digits
    return 1e-6
