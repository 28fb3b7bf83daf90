"""The look of samples: how their kind and the meaning of their numbers decide what is shown of them."""

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor

from isthmus.data.media import Medium
from isthmus.data.media.medium import medium_of
from isthmus.data.scaling import Scaling
from isthmus.options.reading import Kind
from isthmus.trained import TrainedModel

if TYPE_CHECKING:
    from isthmus.data.schema import Schema

UNKNOWN = "unknown category"


@dataclass(frozen=True, eq=False)
class Look:
    """The facts needed to show raw samples: their kind, their scaling, and a table's columns.

    medium: what the samples stand for, if they aren't plain numbers or pictures.
    categories: for each column the names of its categories, or () for numbers; () for data without categories.
    schema: of a table's columns, as JSON data.
    """

    kind: Kind
    scaling: Scaling
    columns: tuple[str, ...] = ()
    categories: tuple[tuple[str, ...], ...] = ()
    medium: Medium | None = None
    schema: Mapping[str, Any] | None = None

    @classmethod
    def of(cls, run: TrainedModel) -> Self:
        """The look of a run's samples."""
        said = run.description
        categories = tuple(tuple(names) for names in said.get("categories") or ())
        columns = tuple(said.get("columns") or ())
        return cls(said["kind"], run.model.scaling, columns, categories, medium_of(said), said.get("schema"))

    @torch.no_grad()
    def scaled(self, raw: Tensor) -> Tensor:
        """Raw samples scaled, so that their numbers can be compared; tokens as points (see `Medium.points`)."""
        if self.kind == "tokens":
            assert self.medium is not None
            return self.medium.points(raw)
        return self.scaling(raw).cpu()

    @property
    def pictured(self) -> bool:
        """Whether samples are shown as pictures: pictures, and media such as notes."""
        return self.kind == "pictures" or (self.medium is not None and self.medium.pictured)

    def pictures(self, rows: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[float, float]]:
        """(n, *shape) raw samples by name as pictures (n, C, H, W), and the values of black and white."""
        if self.medium is None or not self.medium.pictured:
            scaled = {name: self.scaled(raw) for name, raw in rows.items()}
            return scaled, self.bounds(list(scaled.values()))
        made = self.medium.pictures(torch.cat([raw.cpu() for raw in rows.values()]))
        return dict(zip(rows, made.split([len(raw) for raw in rows.values()]), strict=True)), (0.0, 1.0)

    @functools.cached_property
    def _schema(self) -> "Schema | None":
        if not self.schema:
            return None
        from isthmus.data.schema import Schema  # noqa: PLC0415 Arrow takes some 40 MB that pictures don't need

        return Schema.from_json(self.schema)

    def cells(self, count: int) -> Tensor:
        """(count,) the first of the numbers that belong to the same column of a table, for each of its numbers."""
        if self._schema is None:
            return torch.arange(count)
        return torch.tensor([first for first, own in self._schema.firsts.items() for _ in own.features])

    def told(self, column: int, value: float) -> float | str:
        """A raw value of a table for people: the name of its category, the number, "missing" or "unknown category"."""
        if math.isnan(value):
            return "missing"
        if self._schema is not None and (words := self._schema.told(column, value)) is not None:
            return words
        names = self.categories[column] if self.categories else ()
        if names and value == len(names):
            return UNKNOWN
        return names[round(value)] if names and math.isfinite(value) and 0 <= round(value) < len(names) else value

    def possible(self, raw: Tensor) -> Tensor:
        """(N, D) raw rows of a table with the nearest values that its columns can hold (`Schema.possible`)."""
        return raw if self._schema is None else torch.from_numpy(self._schema.possible(raw.numpy())).to(raw.dtype)

    def written(self, column: int, values: np.ndarray) -> list[str]:
        """(N,) raw values of a column for tables: as `told`, and numbers by the fewest digits that distinguish them."""
        absent = np.isnan(values)
        names = self.categories[column] if self.categories else ()
        if names:
            known = (*names, UNKNOWN)
            found = [known[place] for place in np.where(absent, 0, values).clip(0, len(names)).round().astype(int)]
        else:
            found = None if self._schema is None else self._schema.written(column, values)
        if found is None:
            found = [str(value).removesuffix(".0") for value in values]
        return ["missing" if none else word for word, none in zip(found, absent.tolist(), strict=True)]

    def bounds(self, scaled: Sequence[Tensor]) -> tuple[float, float]:
        """The scaled values of black and white."""
        if self.scaling.range is not None:
            return self.scaling.range
        known = torch.cat([values.flatten() for values in scaled])
        known = known[known.isfinite()]
        return (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
