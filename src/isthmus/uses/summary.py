"""Summary: counts of a source and a random sample of its rows, scores and codes, collected in one pass."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.data import Data, Samples, stream_samples
from isthmus.data.media import Recording
from isthmus.data.media.medium import medium_of
from isthmus.data.missing import fill_missing
from isthmus.data.precision import floating
from isthmus.data.stream import Stream, divided
from isthmus.trained import TrainedModel
from isthmus.uses.detector import Detector
from isthmus.uses.explanations import over
from isthmus.uses.scores import batch_size

MOST = 20_000
"""The most rows whose values, scores and codes are kept."""
MOST_NUMBERS = 2**25
"""The most numbers that these rows have."""


@dataclass(frozen=True)
class TableColumn:
    """A column of a table that a model learns from.

    place: of its number in a row. kind: as in a schema. levels: the names of its categories; () for others.
    """

    name: str
    place: int
    kind: str = "number"
    levels: tuple[str, ...] = ()


def columns_of(run: TrainedModel) -> tuple[TableColumn, ...]:
    """The columns of the tables that a model takes; () for other samples. A date is one column."""
    said = run.description
    if said.get("kind") != "table":
        return ()
    width = math.prod(run.model.shape)
    levels = [tuple(names) for names in said.get("categories") or ()] or [()] * width
    if said.get("schema"):
        from isthmus.data.schema import Schema  # noqa: PLC0415 Arrow takes some 40 MB that pictures don't need

        firsts = Schema.from_json(said["schema"]).firsts
        return tuple(TableColumn(one.name, place, one.kind, levels[place]) for place, one in firsts.items())
    names = said.get("columns") or [f"column {place + 1}" for place in range(width)]
    kinds = ["category" if own else "number" for own in levels]
    return tuple(map(TableColumn, names, range(width), kinds, levels))


@dataclass(eq=False)
class Summary:
    """What a source holds, in numbers whose size doesn't grow with it.

    rows: their number. missing, unknown: (columns,) how many of them lack a column's value, or have a category that the
    model doesn't know. counts: (categories,) rows of each known category; None for columns without categories.
    scored, anomalous: rows with a score, and those above the detector's threshold. drawn: (n, columns) values of a
    random sample of the rows, raw. scores: the names of the scores. passed: (m, scores + D) scores and codes of a
    random sample of the scored rows.
    """

    columns: tuple[TableColumn, ...]
    scores: tuple[str, ...] = ()
    rows: int = 0
    missing: np.ndarray = field(init=False)
    unknown: np.ndarray = field(init=False)
    counts: list[np.ndarray | None] = field(init=False)
    scored: int = 0
    anomalous: int = 0
    drawn: np.ndarray = field(init=False)
    passed: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.missing, self.unknown = (np.zeros(len(self.columns), np.int64) for _ in range(2))
        self.counts = [np.zeros(len(one.levels), np.int64) if one.levels else None for one in self.columns]
        self.drawn, self.passed = np.empty((0, len(self.columns))), np.empty((0, 0))

    def count(self, values: np.ndarray) -> None:
        """Count (n, columns) values of further rows."""
        absent = np.isnan(values)
        self.missing += absent.sum(0)
        for place, counts in enumerate(self.counts):
            if counts is not None:
                own = values[~absent[:, place], place].astype(np.int64)
                self.unknown[place] += int((own >= len(counts)).sum())
                np.add(counts, np.bincount(own[own < len(counts)], minlength=len(counts)), out=counts)

    def values(self, place: int) -> np.ndarray:
        """The known values of a column in the random sample of the rows."""
        own = self.drawn[:, place]
        return own[~np.isnan(own)]


def summarise(
    run: TrainedModel, pieces: Stream, columns: Sequence[TableColumn], found: Sequence[Detector], *, seed: int = 0
) -> Summary:
    """Collect the summary of a source.

    columns: to collect; () for none. found: the detectors whose scores are collected, with the codes; () for none. The
    first one counts the anomalous rows.
    seed: of the random samples of rows, which don't depend on the pieces.
    """
    made, codes = Summary(tuple(columns), tuple(one.by for one in found)), math.prod(run.model.code_shape)
    places = [one.place for one in columns]
    drawn = Reservoir(min(MOST, MOST_NUMBERS // max(1, len(places))), seed)
    passed = Reservoir(min(MOST, MOST_NUMBERS // (len(found) + codes)), seed)
    every, done = thinning(run), 0

    def use(piece: Samples) -> tuple[Samples, Tensor] | None:
        able = able_rows(run, piece) if found else piece
        return (able, found[0].scores(able)) if found and len(able) else None

    thinned = Stream(None, lambda: _thinned(pieces, every))
    for piece, scored in thinned.through(use):
        done += len(piece)
        if places:
            values = floating(piece.tensor()).flatten(1)[:, places].cpu().numpy()
            made.count(values)
            drawn.put(chosen := drawn.choose(len(values)), values[chosen])
        if scored is not None:
            able, scores = scored
            made.scored += len(able)
            made.anomalous += int(over(scores, found[0].threshold).sum())
            chosen = passed.choose(len(able))
            if len(chosen):
                some = able.take(chosen)
                all_scores = [scores[torch.from_numpy(chosen)], *(one.scores(some) for one in found[1:])]
                passed.put(chosen, _passed(run, some, all_scores))
    made.rows = done
    made.drawn = drawn.rows(len(places))
    made.passed = passed.rows(len(found) + codes)
    return made


def held(run: TrainedModel, source: Any, **read_options: Any) -> Stream:
    """A source in pieces, as it is: missing cells of a table are kept, so that they can be counted.

    Rows with missing cells are left out only if training left them out, or `missing="drop"` asks for it.

    Raises:
        DataError: the source can't be read, or does not fit the model.
    """
    dropped = run.description.get("options", {}).get("missing") == "drop"
    if run.description.get("kind") != "table" or isinstance(source, Data) or dropped or "missing" in read_options:
        return run.stream(source, **read_options)
    if isinstance(source, Samples) and not read_options:
        return divided(source)
    return stream_samples(source, like=run.description, missing="keep", **read_options)


def able_rows(run: TrainedModel, piece: Samples) -> Samples:
    """The rows that the model can take: all, with missing cells filled in as in training; or those without any."""
    if run.model.conditioning.mask or piece.kind != "table":
        return piece
    if (fill := run.description.get("fill")) is not None:
        return fill_missing(piece, fill)
    holes = floating(piece.tensor()).flatten(1).isnan().any(1)
    return piece.take((~holes).nonzero()[:, 0]) if bool(holes.any()) else piece


def thinning(run: TrainedModel) -> int:
    """For recordings, every n-th window is used, so that none shares a time step with the next; 1 for other samples."""
    medium = medium_of(run.description)
    return math.ceil(medium.length / medium.step) if isinstance(medium, Recording) else 1


def _thinned(pieces: Stream, every: int) -> Iterator[Samples]:
    done = 0
    for piece in pieces.begin():
        yield piece if every == 1 else piece.take(np.arange(-done % every, len(piece), every))
        done += len(piece)


class Reservoir:
    """A random sample of at most `most` rows of a stream; every row has the same chance."""

    def __init__(self, most: int, seed: int) -> None:
        self.most, self.generator = max(1, most), np.random.default_rng(seed)
        self.keys, self.new, self.kept = np.empty(0), np.empty(0), np.empty((0, 0))

    def choose(self, count: int) -> np.ndarray:
        """The numbers of those among the next `count` rows that may stay: pass them to `put`."""
        keys = self.generator.random(count)
        limit = self.keys.max() if len(self.keys) >= self.most else math.inf
        chosen = np.flatnonzero(keys < limit)
        self.new = keys[chosen]
        if len(chosen) > self.most:
            least = np.sort(np.argpartition(self.new, self.most)[: self.most])
            chosen, self.new = chosen[least], self.new[least]
        return chosen

    def put(self, chosen: np.ndarray, rows: np.ndarray) -> None:
        """Keep the chosen rows, (len(chosen), columns); earlier ones make way for them."""
        if not len(chosen):
            return
        keys = np.concatenate([self.keys, self.new])
        rows = np.concatenate([self.kept, rows]) if len(self.keys) else rows
        if len(keys) > self.most:
            least = np.sort(np.argpartition(keys, self.most)[: self.most])
            keys, rows = keys[least], rows[least]
        self.keys, self.kept = keys, rows

    def rows(self, columns: int) -> np.ndarray:
        """(n, columns) the sample, in the order of the stream."""
        return self.kept if len(self.keys) else np.empty((0, columns))


def _passed(run: TrainedModel, samples: Samples, scores: Sequence[Tensor]) -> np.ndarray:
    """(n, scores + D) float32 scores and codes; not finite ones are the largest."""
    with torch.no_grad():
        batches = samples.labelled(batch_size(run.model))
        codes = torch.cat([run.model.encode(raw, labels).flatten(1).cpu().float() for raw, labels in batches])
    both = torch.cat([*(one[:, None].float() for one in scores), codes], 1)
    return torch.nan_to_num(both, torch.inf, torch.inf, -torch.inf).numpy()
