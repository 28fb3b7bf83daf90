"""Answering: the uses of a run for the samples of one or several requests; it runs in the server's one thread."""

import functools
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from isthmus.data import Samples
from isthmus.data.media import Text
from isthmus.data.media.medium import medium_of
from isthmus.data.write import table_of
from isthmus.errors import DataError, IsthmusError, collected_remarks
from isthmus.seeds import seeded
from isthmus.serve.answers import Result, pixels_of, rows_of
from isthmus.serve.bodies import PICTURES, Bodies, Given
from isthmus.serve.limits import Limits
from isthmus.serve.refusal import RefusedError
from isthmus.trained import TrainedModel
from isthmus.trained.rows import dated
from isthmus.uses.arguments import check_damages, with_label
from isthmus.uses.detector import By, Detector, detector
from isthmus.uses.explanations import over
from isthmus.uses.restore import Restorer
from isthmus.uses.restore_files import known_pixels, restored
from isthmus.uses.sample import Source, Wanted, source_of
from isthmus.uses.tables import scores_table

Explain = Literal["none", "anomalous", "all"]
Make = Callable[[Sequence[Given]], list[Result]]
KEPT = 16
"""Samplers that are kept; the oldest one goes first."""


@dataclass(eq=False)
class Answering:
    """The uses of a run. All methods that take requests return one result, or the error it gets, for each of them.

    bodies: reads samples for the run. by: the score of `detect`.
    """

    run: TrainedModel
    bodies: Bodies
    limits: Limits
    by: By | Literal["auto"] = "auto"
    _detector: Detector | IsthmusError | None = None
    _sources: dict[tuple[Any, ...], Source] = field(default_factory=dict)

    @classmethod
    def of(cls, run: TrainedModel, limits: Limits, by: By | Literal["auto"] = "auto") -> Self:
        """For a run. Nothing slow is done yet."""
        run = dated(run)
        run.model.eval()
        return cls(run, Bodies.of(run, limits), limits, by)

    def prepare(self) -> None:
        """Learn what `detect` and `restore` need, so that no request waits for it."""
        try:
            self._detector = detector(self.run, self.by)
        except IsthmusError as error:  # `detect` then answers with it
            self._detector = error
        if self.fills:
            self.run.filler()

    @property
    def fills(self) -> bool:
        """Whether restoring is to fill missing cells of a table."""
        return self.run.model.conditioning.mask and self.bodies.kind == "table"

    @property
    def restores(self) -> bool:
        """Whether the model can restore anything."""
        return self.fills or self.run.model.corruption.damages

    def encode(self, several: Sequence[Given], label: str | None = None) -> list[Result | Exception]:
        """Codes."""
        return list(self._each(partial(self._encode, label=label), several))

    def reconstruct(self, several: Sequence[Given], label: str | None = None) -> list[Result | Exception]:
        """Samples encoded and decoded."""
        return list(self._each(partial(self._reconstruct, label=label), several))

    def detect(self, several: Sequence[Given], explain: Explain = "none") -> list[Result | Exception]:
        """Scores; whether they are anomalous; for tables, with reasons."""
        return list(self._each(partial(self._detect, explain=explain), several))

    def restore(self, several: Sequence[Given]) -> list[Result | Exception]:
        """Damaged samples repaired, or missing cells of a table filled in."""
        return list(self._each(self._restore, several))

    def sample(
        self, count: int, way: Wanted = "auto", label: str | None = None, seed: int = 0, temperature: float = 0.0
    ) -> Result:
        """New samples."""
        if 8 * count * math.prod(self.run.model.shape) > self.limits.max_bytes:
            raise RefusedError(413, f"{count:,} samples are too many for one answer. Draw fewer at a time.")
        key = (way, label, temperature)
        with collected_remarks() as remarks:
            if key not in self._sources:
                made = source_of(self.run, way=way, label=label, temperature=temperature)
                self._sources[key] = made
                for oldest in list(self._sources)[:-KEPT]:
                    del self._sources[oldest]
            drawn = self._sources[key].draw(count, seeded(seed))
        names = self.run.description.get("label_names") or ()
        labels = None if drawn.labels is None else drawn.labels.tolist()
        facts: dict[str, Any] = {"way": drawn.way}
        if labels is not None:
            facts["labels"] = [names[one] if one < len(names) else str(one) for one in labels]
        return replace(self._samples(drawn.values, None), facts=facts, remarks=tuple(remarks))

    def _each(self, make: Make, several: Sequence[Given]) -> Iterator[Result | Exception]:
        """The results of requests together; one by one if any has an error or a remark, which only it may see."""
        try:
            with collected_remarks() as remarks:
                made = make(several)
            if len(several) == 1:
                yield replace(made[0], remarks=tuple(dict.fromkeys(remarks))) if remarks else made[0]
                return
            if not remarks:
                yield from made
                return
        except Exception as error:
            if len(several) == 1:
                yield error
                return
        for one in several:
            yield from self._each(make, [one])

    def _read(self, several: Sequence[Given], label: str | None = None) -> Samples:
        return with_label(self.run, self.run.read(self.bodies.joined(several)), label)

    def _encode(self, several: Sequence[Given], label: str | None) -> list[Result]:
        samples = self._read(several, label)
        codes = self.run.encode(samples)
        facts = self._names(samples)
        return [Result("codes", facts, table_of(part.numpy(), None), part.numpy()) for part in _divided(codes, several)]

    def _reconstruct(self, several: Sequence[Given], label: str | None) -> list[Result]:
        if self.bodies.alone and label is None:
            return [self._alone(several[0])]
        samples = self._read(several, label)
        made = self.run.reconstruct(samples)
        return self._as_samples(made, samples, several)

    def _alone(self, given: Given) -> Result:
        """The reconstruction of time steps, texts, or whole pictures of a model of patches."""
        source = self.bodies.joined([given])
        if (timewise := self.run.recordings(source)) is not None:
            made = timewise.through(self.run.reconstruct)
            return _rowwise(self.bodies.key, partial(timewise.table, made), made)
        samples = self.run.read(source) if self.bodies.texts else None
        made = self.run.reconstruct(source if samples is None else samples)
        return self._samples(made, samples)

    def _detect(self, several: Sequence[Given], explain: Explain) -> list[Result]:
        if self._detector is None:
            self.prepare()
        found = self._detector
        if not isinstance(found, Detector):
            assert found is not None
            raise RefusedError(409, str(found))
        samples = self._read(several)
        scores = found.scores(samples)
        anomalous = over(scores, found.threshold)
        reasons = None if explain == "none" else found.explain(samples, explain, scores=scores)
        facts = {"by": found.by, "threshold": found.threshold, **self._names(samples)}
        results, start = [], 0
        for part in _divided(scores, several):
            rows = slice(start, start + len(part))
            start += len(part)
            own, why = anomalous[rows], None if reasons is None else reasons[rows]
            explained = {} if why is None else {"explanations": [one.to_json() for one in why]}
            made = {**facts, "anomalous": own.tolist(), **explained}
            results.append(Result("scores", made, partial(scores_table, part, own, why), part.numpy()))
        return results

    def _restore(self, several: Sequence[Given]) -> list[Result]:
        if self.fills:
            return self._filled(several)
        if self.bodies.kind != "pictures" or medium_of(self.run.description) is not None:
            check_damages(self.run, "a corruption, such as the recipe 'denoise'")
            return self._reconstruct(several, None)
        restorer = Restorer(self.run)
        given = several[0]
        if given.values.ndim != 4:
            raise DataError(f"The samples have the shape {given.values.shape}: expected (N, C, height, width).")
        pictures = [torch.as_tensor(one) for one in np.array(given.values)]  # a copy, which may be written to
        if given.type in PICTURES:
            known = known_pixels(pictures[0], restorer, "the picture")
            made = restored(restorer, pictures[0], known)[None].numpy()
            return [Result(self.bodies.key, values=made, pixels=made[0])]
        made = torch.stack([restorer(one) for one in pictures])
        return [self._samples(made, None)]

    def _filled(self, several: Sequence[Given]) -> list[Result]:
        """Rows whose missing cells are filled in; the known ones are those of the requests, bit for bit."""
        source = self.bodies.joined(several)
        if self.bodies.columns is None:
            samples = self.run.read(source)
            return self._as_samples(self.run.fill(samples), samples, several)
        return _parted(self.bodies.key, self.run.fill(source), several)

    def _as_samples(self, made: Tensor, samples: Samples, several: Sequence[Given]) -> list[Result]:
        """(N, …) samples in raw units, as the results of the requests."""
        if self.bodies.columns is None or len(several) == 1:
            return [self._samples(part, samples) for part in _divided(made, several)]
        whole = self._samples(made, samples)  # one table, because making it takes as long as its columns are many
        assert whole.make_table is not None
        return _parted(whole.name, whole.make_table(), several, _divided(made, several))

    def _samples(self, made: Tensor, samples: Samples | None) -> Result:
        """(N, …) samples in raw units as a result: rows of a table, texts, or arrays."""
        like, name, medium = self.run.description, self.bodies.key, medium_of(self.run.description)
        if isinstance(medium, Text):
            return Result(name, values=list(medium.decode(made.numpy())))
        if self.bodies.columns is not None:
            unused = None if samples is None else samples.unused
            table = partial(table_of, made.numpy(), like, unused=unused)
            return _rowwise(name, table, made.numpy())
        values = made.numpy()
        flat = partial(table_of, values, like) if self.bodies.kind == "table" else None
        pixels = pixels_of(values, like) if self.bodies.kind == "pictures" and medium is None else None
        return Result(name, make_table=flat, values=values, pixels=pixels)

    def _names(self, samples: Samples) -> dict[str, Any]:
        """The names of samples that a request became, such as its windows or tiles."""
        return {"names": list(samples.names)} if self.bodies.alone and samples.names else {}


def _divided(values: Tensor, several: Sequence[Given]) -> list[Tensor]:
    """The results of each request; a single one has all, which may be more than its samples."""
    return [values] if len(several) == 1 else list(values.split([one.rows for one in several]))


def _rowwise(name: str, make_table: Callable[[], pa.Table], values: Any) -> Result:
    """The result whose samples in JSON are the rows of a table."""
    return Result(name, make_table=make_table, values=values, make_rows=lambda: rows_of(make_table()))


def _parted(
    name: str, table: pa.Table, several: Sequence[Given], values: Sequence[Tensor] | None = None
) -> list[Result]:
    """The rows of each request of a table. As JSON data they are made once for all requests, when the first asks."""
    rows = functools.cache(lambda: rows_of(table))
    starts = itertools.accumulate((one.rows for one in several), initial=0)
    return [
        Result(
            name,
            make_table=partial(table.slice, start, one.rows),
            values=() if values is None else values[place].numpy(),
            make_rows=lambda part=slice(start, start + one.rows): rows()[part],
        )
        for place, (start, one) in enumerate(zip(starts, several, strict=False))
    ]
