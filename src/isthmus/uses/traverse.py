"""Traversing: one latent dimension moves over its range, the others stay fixed, to show the effect of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from matplotlib.figure import Figure
from torch import Tensor

from isthmus import formatting
from isthmus.data.samples import Samples
from isthmus.drawing.changes import column_changes, picture_changes
from isthmus.drawing.look import Look
from isthmus.drawing.plates import Section, plate
from isthmus.drawing.rows import sample_rows
from isthmus.drawing.theme import LIGHT, Theme
from isthmus.errors import DataError, UseError, nearest
from isthmus.measures.passes import passes
from isthmus.shown import Card, Shown, Table
from isthmus.trained import TrainedModel
from isthmus.uses.arguments import MOST_STEPS, check_continuous, one_sample, takes_run
from isthmus.uses.effects import Effect, effect_of

By = Literal["change", "kl"]
KNOWN = 2000
"""The most training samples whose codes give the range of each latent dimension."""
PLACES = 8
"""The most training samples around which each dimension is moved, to measure how much the output changes."""
SEEN = 32
"""Training samples around which each shown dimension is moved, to find where in the output it acts."""
LOW, HIGH = 0.02, 0.98
"""A dimension is moved between these quantiles of its own values."""
_NUMBERS = 2**25
"""The most output numbers that are decoded to find the order (128 MB in float32), a piece at a time."""


@dataclass(frozen=True, eq=False, repr=False)
class Move(Shown):
    """The effect of one latent dimension.

    number: which dimension, counted from 0 in the flat code. values: (S,) its values. samples: (S, *shape) the decoded
    samples, raw units. change: how much the output changes within the dimension's range, the root mean square over
    samples and output numbers, in scaled units. where: (*shape) the same for each output number by itself.
    kl: nats per sample, for a Gaussian code. effect: the effect in numbers and words.
    """

    number: int
    values: Tensor
    samples: Tensor
    change: float
    where: Tensor
    kl: float | None
    effect: Effect


@dataclass(frozen=True, eq=False, repr=False)
class Traverse(Shown):
    """The moves of a code's latent dimensions, the most important first.

    name: the sample around which they were moved. size: the number of latent dimensions. idle: those with almost no
    effect, less than a hundredth of the largest. by: the measure that orders them.
    """

    name: str
    moves: tuple[Move, ...]
    size: int
    idle: tuple[int, ...]
    by: By
    look: Look

    def to_json(self) -> dict[str, Any]:
        """The effect of each latent dimension, the most important first."""
        return {
            "sample": self.name,
            "by": self.by,
            "size": self.size,
            "idle": list(self.idle),
            "numbers": [
                {
                    "number": move.number,
                    "low": float(move.values[0]),
                    "high": float(move.values[-1]),
                    "change": move.change,
                    "kl": move.kl,
                    "does": move.effect.words,
                    **move.effect.to_json(),
                }
                for move in self.moves
            ],
        }

    def _card(self) -> Card:
        nats = any(move.kl is not None for move in self.moves)
        rows = [
            [
                str(move.number),
                formatting.number(move.change),
                *([formatting.number(move.kl)] if nats else []),
                move.effect.words,
            ]
            for move in self.moves
        ]
        head = ("dimension", "change", *(["KL (nats)"] if nats else []), "effect")
        idle = f" Almost no effect: {formatting.listed(list(map(str, self.idle)), 12)}." if self.idle else ""
        table = Table.of(head, rows, f"The change of the output, in scaled units.{idle}")
        words = f"{len(self.moves)} of {self.size} latent dimensions, around {self.name}"
        return Card(words, tables=[table], figures=(self.draw,))

    def draw(self, theme: Theme = LIGHT) -> Figure:
        """One row per dimension: pictures with a map of the change; lines for series; column changes for tables."""
        titles = [f"dimension {move.number} ({move.change:.2g})" for move in self.moves]
        if self.look.kind == "table":
            shape = (len(self.moves), -1)
            ends = torch.stack([self.look.scaled(move.samples[[0, -1]]) for move in self.moves])
            columns = self.look.columns or tuple(f"column {i + 1}" for i in range(ends[0, 0].numel()))
            return column_changes((ends[:, 1] - ends[:, 0]).reshape(shape), titles, columns, theme=theme)
        rows = {title: move.samples for title, move in zip(titles, self.moves, strict=True)}
        steps = len(self.moves[0].samples)
        captions = ["lowest", *[""] * (steps - 2), "highest"]
        if self.look.kind in ("series", "tokens"):
            return sample_rows(rows, self.look, captions=captions, theme=theme)
        where = [move.where for move in self.moves]
        return picture_changes(rows, where, self.look, captions=[*captions, "change"], theme=theme)


@takes_run
def traverse(
    run: TrainedModel,
    sample: Any = None,
    *,
    steps: int = 7,
    most: int = 16,
    numbers: Sequence[int] | None = None,
    by: By = "change",
    **read_options: Any,
) -> Traverse:
    """Show the effect of each latent dimension: it moves over its range in the data, the others stay fixed.

        found = traverse(run, "test:3")
        found.moves[0].number, found.moves[0].effect.words
        found.draw().savefig("numbers.png")

    The range goes from the 2 % to the 98 % quantile of the training samples' codes, or from the smallest to the largest
    value if these quantiles are equal. The size of the change is measured around several training samples.

    sample: the sample to move around, as for `isthmus.uses.arguments.one_sample`. None: the first of the test part.
    steps: positions of each dimension. most: how many dimensions to show, the most important first. numbers: show these
    dimensions instead, counted from 0 in the flat code. by: order by the "change" of the output, or by the "kl" of each
    dimension of a Gaussian code. read_options: how to read a source, as for `Run.encode`.

    Raises:
        DataError: there is no such sample or latent dimension.
        UseError: the code is quantised, or there is no KL to order by.
    """
    check_continuous(run, "Train a model such as vae.")
    if by not in get_args(By):
        raise DataError(f"There is no order by {by!r}. {nearest(str(by), get_args(By))}")
    if not 2 <= steps <= MOST_STEPS or most < 1:
        raise DataError(
            f"Got {steps} steps of {most} latent dimensions: expected 2 to {MOST_STEPS:,} steps of one or more."
        )
    given, name = one_sample(run, _first(run) if sample is None else sample, **read_options)
    train = run.open().train
    codes, kl = _codes(run, train)
    size = codes.shape[1]
    if by == "kl" and kl is None:
        raise UseError("by=kl needs a Gaussian code, and this model's code has no KL. Choose by=change.")
    wrong = [number for number in numbers or () if not 0 <= number < size]
    if wrong:
        raise DataError(f"The code has no latent dimension {wrong[0]}: it has {size} (0 to {size - 1}).")
    values = _ranges(codes, steps)
    change = _changes(run, train, values)
    judged = change if by == "change" or kl is None else kl
    order = judged.sort(descending=True, stable=True).indices.tolist()
    asked = order[:most] if numbers is None else [number for number in order if number in set(numbers)]
    around = run.encode(given).flatten()
    look = Look.of(run)
    moves = []
    for number in asked:
        made = _moved(run, around[None], given.labels, number, values[number])[0]
        where = _where(run, train, number, values[number])
        effect = effect_of(made, where, look)
        cost = None if kl is None else float(kl[number])
        moves.append(Move(number, values[number], made, float(change[number]), where, cost, effect))
    idle = tuple((change < 0.01 * change.max()).nonzero()[:, 0].tolist())
    return Traverse(name, tuple(moves), size, idle, by, look)


def section(run: TrainedModel) -> Section | None:
    """The eight most important latent dimensions; None if the code is quantised."""
    parts = run.open().parts
    part = next((name for name in ("test", "validation", "train") if len(parts[name])), None)
    if part is None or len(parts["train"]) < 2:
        return None
    try:
        found = traverse(run, f"{part}:0", most=8 if run.description["kind"] not in ("series", "tokens") else 4)
    except (DataError, UseError):  # of a diverged model, say
        return None
    if not all(bool(move.samples.isfinite().all()) for move in found.moves):
        return None
    first = "; ".join(f"dimension {move.number} {move.effect.words}" for move in found.moves[:3])
    shown = plate(
        "Latent dimensions",
        found.draw,
        f"Decoded samples around sample 0 of the {part} part: one latent dimension moves over its range in the data, "
        f"the others stay fixed. {first}.",
        f"Around sample 0 of the {part} part: each latent dimension from its lowest to its highest value in the data, "
        "the others fixed. The number in brackets is the change of the output (scaled units).",
    )
    words = f"The effect of each latent dimension, the most important first: {first}."
    if found.idle:
        words += f" {len(found.idle)} of {found.size} latent dimensions have almost no effect."
    return Section("One latent dimension at a time", [shown], [words])


def _first(run: TrainedModel) -> str:
    """The first sample of the test part, or of another part if that is empty."""
    parts = run.open().parts
    return next(f"{name}:0" for name in ("test", "validation", "train") if len(parts[name]))


def _codes(run: TrainedModel, train: Samples) -> tuple[Tensor, Tensor | None]:
    """(N, D) flat codes of samples spread over the training part, and the mean KL of each dimension if Gaussian."""
    codes, costs = [], []
    run.model.eval()
    with torch.no_grad():
        for out in passes(run.model, train.some(KNOWN), 256, damage=False):
            code = out.code
            codes.append(code.z.flatten(1).float().cpu())
            if (cost := run.model.code.kl(code)) is not None:
                costs.append(cost.flatten(1).float().cpu())
    return torch.cat(codes), torch.cat(costs).mean(0) if costs else None


def _ranges(codes: Tensor, steps: int) -> Tensor:
    """(D, S) evenly spaced from each dimension's low to its high quantile."""
    low, high = codes.quantile(torch.tensor([LOW, HIGH]), 0)
    alike = low == high  # a unit that is mostly silent
    low, high = torch.where(alike, codes.amin(0), low), torch.where(alike, codes.amax(0), high)
    return low[:, None] + torch.linspace(0, 1, steps) * (high - low)[:, None]


def _changes(run: TrainedModel, train: Samples, values: Tensor) -> Tensor:
    """(D,) how much each dimension changes the output between its lowest, middle and highest value."""
    look, outputs = Look.of(run), torch.Size(run.model.shape).numel()
    size, thirds = len(values), values[:, [0, values.shape[1] // 2, -1]]
    count = max(1, min(PLACES, _NUMBERS // max(1, 3 * size * outputs)))
    chosen = train.some(count)
    around = run.encode(chosen).flatten(1)
    found = torch.zeros(size)
    for number in range(size):
        if float(thirds[number, -1]) != float(thirds[number, 0]):
            made = look.scaled(_moved(run, around, chosen.labels, number, thirds[number]).flatten(0, 1))
            found[number] = _spread(made.view(len(around), 3, -1).transpose(0, 1)).square().mean().sqrt()
    return found


def _where(run: TrainedModel, train: Samples, number: int, values: Tensor) -> Tensor:
    """(*shape) how much one dimension changes each output number between its lowest, middle and highest value."""
    chosen = train.some(SEEN)
    thirds = values[[0, len(values) // 2, -1]]
    made = _moved(run, run.encode(chosen).flatten(1), chosen.labels, number, thirds)
    scaled = Look.of(run).scaled(made.flatten(0, 1)).view(*made.shape[:2], *_space(made))
    return _spread(scaled.transpose(0, 1)).square().mean(0).sqrt()


def _moved(run: TrainedModel, around: Tensor, labels: Tensor | None, number: int, values: Tensor) -> Tensor:
    """(N, D) flat codes to (N, S, *shape) raw samples, with one dimension of each code at each of the (S,) values."""
    codes = around[:, None].repeat(1, len(values), 1)
    codes[:, :, number] = values
    told = None if labels is None or not run.model.conditioning.classes else labels.repeat_interleave(len(values))
    made = run.decode(codes.flatten(0, 1), told)
    return made.view(len(around), len(values), *made.shape[1:])


def _space(made: Tensor) -> tuple[int, ...]:
    """The shape of a scaled sample: its own, or flat for tokens."""
    return (-1,) if made.ndim == 3 else tuple(made.shape[2:])


def _spread(samples: Tensor) -> Tensor:
    """(S, …) to (…) the root of the mean square about the mean."""
    return (samples - samples.mean(0)).square().mean(0).sqrt()
