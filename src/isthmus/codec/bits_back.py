"""Bits-back coding: lossless coding with a model that has a likelihood, at the rate of its negative ELBO."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.codec.exact_model import ExactModel
from isthmus.codec.grid import Grid
from isthmus.codec.likelihood import likelihood
from isthmus.codec.stack import Levels, Stack
from isthmus.exact import exactly, functions
from isthmus.parts.gaussians import DiagonalGaussian

STEP, REACH = 2.0**-8, 2**14
"""The codes' grid: its step, and how many values it has, half of them negative."""
ROUGH = 2**5
"""The first samples' codes take every this many-th value only, as these samples pay for them in full."""
FIRST, MOST = 8, 64
"""The samples that are coded before there are bits to draw others' codes from; the most that are coded together."""
DRAWN = math.ceil(math.log2(math.sqrt(2 * math.pi * math.e) / STEP))
"""Bits that a latent dimension is drawn from, at most, if its posterior is no wider than the prior."""


Choose = Callable[[DiagonalGaussian | None, DiagonalGaussian], Tensor]
"""From a level's posterior and prior to its whole numbers."""


@dataclass(frozen=True)
class Batch:
    """Samples that are coded together. drawn: whether their codes are drawn from the stack; else they are means."""

    size: int
    drawn: bool


@dataclass(frozen=True)
class _Turn:
    """One level of the codes: what it was drawn from, and its (N, *level) whole numbers of the grid."""

    posterior: DiagonalGaussian | None
    prior: DiagonalGaussian
    symbols: Tensor


@dataclass(frozen=True)
class BitsBack:
    r"""Codes (N, D) whole numbers of a grid without loss.

    For each sample the code z is not chosen but drawn: popped from the stack by the posterior :math:`q(z|x)`. Then x is
    pushed by :math:`p(x|z)` and z by the prior. The receiver pops z and x, and pushes z back by the posterior, which
    restores the bits that z was drawn from. So a sample costs :math:`-\log p(x|z) - \log p(z) + \log q(z|x)`, whose
    mean is the negative ELBO. Codes of several levels (`ladder`) are drawn level by level.

    A batch of samples is coded together; its size is limited by the bits that its codes are drawn from. At first there
    are none: the codes of the first samples are the posterior's means, rounded.

    Source: Townsend, Bird & Barber, Practical lossless compression with latent variables using bits back coding, ICLR
    (2019); Kingma, Abbeel & Ho, Bit-Swap, ICML (2019).
    """

    model: ExactModel
    grid: Grid

    def encode(self, levels: Tensor, observed: Tensor | None = None) -> tuple[list[Batch], np.ndarray]:
        """(N, D) whole numbers to the batches and the words of the stack.

        observed: (N, D) False for missing numbers, which aren't coded.
        """
        stack, batches, done = Stack(), [], 0
        while done < len(levels):
            affordable = len(stack) // (DRAWN * self._dimensions)
            batch = Batch(min(affordable or FIRST, MOST, len(levels) - done), affordable > 0)
            rows = slice(done, done + batch.size)
            self._push(stack, levels[rows], None if observed is None else observed[rows], batch.drawn)
            batches.append(batch)
            done += batch.size
        return batches, stack.words()

    def decode(self, batches: list[Batch], words: np.ndarray, observed: Tensor | None = None) -> Tensor:
        """The inverse of `encode`, (N, D)."""
        stack, end = Stack(words), sum(batch.size for batch in batches)
        made = []
        for batch in reversed(batches):
            rows = slice(end - batch.size, end)
            made.append(self._pop(stack, batch, None if observed is None else observed[rows]))
            end -= batch.size
        return torch.cat(made[::-1])

    def bits(self, levels: Tensor, observed: Tensor | None = None) -> Tensor:
        """(N, D) whole numbers to (N, D) what each costs, given a code at the posterior's mean, which costs extra."""
        _, z = self._drawn(self._features(levels, observed), None)
        numbers = likelihood(self.model, self.model.output(z), self.grid)
        bits = numbers.bits(levels.flatten()).view_as(levels)
        return bits if observed is None else torch.where(observed, bits, 0.0)

    @property
    def _dimensions(self) -> int:
        return math.prod(self.model.model.code_shape)

    def _push(self, stack: Stack, levels: Tensor, observed: Tensor | None, drawn: bool) -> None:
        turns, z = self._drawn(self._features(levels, observed), stack if drawn else None)
        stack.push(*self._numbers(levels, z, observed))
        for turn in reversed(turns):
            stack.push(turn.symbols.flatten(), _levels(turn.prior, drawn))

    def _pop(self, stack: Stack, batch: Batch, observed: Tensor | None) -> Tensor:
        turns, z = self._popped(stack, batch)
        levels = torch.zeros(batch.size, math.prod(self.model.model.shape), dtype=torch.int64)
        _, numbers = self._numbers(levels, z, observed)
        popped = stack.pop(numbers)
        levels = popped.view_as(levels) if observed is None else levels.masked_scatter(observed, popped)
        if batch.drawn:
            posteriors = self._again(levels, observed, turns)
            for turn, posterior in zip(reversed(turns), reversed(posteriors), strict=True):
                stack.push(turn.symbols.flatten(), _levels(posterior))
        return levels

    def _drawn(self, features: Tensor, stack: Stack | None) -> tuple[list[_Turn], Tensor]:
        """The codes, level by level, and z: drawn by the posterior, or its rounded means without a stack."""

        def choose(posterior: DiagonalGaussian | None, prior: DiagonalGaussian) -> Tensor:
            assert posterior is not None
            if stack is not None:
                return stack.pop(_levels(posterior)).view_as(posterior.mean)
            return _nearest(posterior.mean)

        return self._in_turn(features, len(features), choose, stack is not None)

    def _popped(self, stack: Stack, batch: Batch) -> tuple[list[_Turn], Tensor]:
        """The codes, level by level, and z, popped by the prior."""

        def choose(_: DiagonalGaussian | None, prior: DiagonalGaussian) -> Tensor:
            return stack.pop(_levels(prior, batch.drawn)).view_as(prior.mean)

        return self._in_turn(None, batch.size, choose, batch.drawn)

    def _again(self, levels: Tensor, observed: Tensor | None, turns: list[_Turn]) -> list[DiagonalGaussian]:
        """The posteriors that these codes were drawn from, level by level."""
        left = iter(turns)
        features = self._features(levels, observed)
        again, _ = self._in_turn(features, len(levels), lambda *_: next(left).symbols, True)
        return [turn.posterior for turn in again if turn.posterior is not None]

    def _in_turn(self, features: Tensor | None, count: int, choose: Choose, drawn: bool) -> tuple[list[_Turn], Tensor]:
        """The codes of `count` samples level by level, as `choose` decides from posterior and prior, and z."""
        model, turns = self.model.model, []
        levels = model.code.in_turn(features, count, model.code_shape, model.code_module)
        z: Any = None
        while True:
            try:
                with exactly():
                    posterior, prior = levels.send(z)
            except StopIteration as end:
                return turns, end.value
            symbols = choose(posterior, prior)
            turns.append(_Turn(posterior, prior, symbols))
            step, reach = _grid(drawn)
            z = (symbols - reach // 2).double() * step

    def _features(self, levels: Tensor, observed: Tensor | None) -> Tensor:
        """The encoder's features of (N, D) whole numbers."""
        shape = (len(levels), *self.model.model.shape)
        raw = self.grid.raw(levels)
        scaled = self.model.scaled(raw.view(shape))
        if observed is None:
            return self.model.features(scaled, None)
        observed = observed.view(shape)
        return self.model.features(torch.where(observed, scaled, 0.0), observed)

    def _numbers(self, levels: Tensor, z: Tensor, observed: Tensor | None) -> tuple[Tensor, Levels]:
        """The known ones of (N, D) whole numbers, flat, and their distributions given z."""
        numbers = likelihood(self.model, self.model.output(z), self.grid)
        if observed is None:
            return levels.flatten(), numbers
        return levels[observed], numbers.at(observed.flatten().nonzero()[:, 0])


def _grid(drawn: bool) -> tuple[float, int]:
    """The step and the number of values of the codes."""
    return (STEP, REACH) if drawn else (STEP * ROUGH, REACH // ROUGH)


def _nearest(mean: Tensor) -> Tensor:
    """The whole numbers of the rough grid that are nearest to these codes."""
    step, reach = _grid(False)
    return ((mean / step).round().long() + reach // 2).clamp(0, reach - 1)


def _levels(normal: DiagonalGaussian, drawn: bool = True) -> Levels:
    """The distribution of the codes' whole numbers."""
    step, reach = _grid(drawn)
    with exactly():
        mean = (normal.mean.flatten() / step + reach // 2).clamp(0, reach)
        deviation = (0.5 * normal.log_variance.flatten()).exp() / step

    def cumulative(rows: Tensor, level: Tensor) -> Tensor:
        return functions.normal_cdf((level.double() - 0.5 - mean[rows]) / deviation[rows])

    return Levels(reach, cumulative, mean.round().long(), deviation.long())
