"""Inspection: what a source holds and how it would be read, before anything is trained."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
import torch

from isthmus.data.gather import gather
from isthmus.data.options import Options, OptionWords
from isthmus.data.raw import Raw
from isthmus.data.samples import Samples
from isthmus.data.sources import called, read, reading
from isthmus.data.texts import with_vocabulary
from isthmus.formatting import listed, number, percent
from isthmus.shown import Card, Page, Shown, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isthmus.data.schema import Column
    from isthmus.drawing.theme import Theme

BINS, BARS = 40, 12
"""Bars of a histogram of numbers, and the most categories that are counted one by one."""


@dataclass(frozen=True)
class ColumnFacts:
    """One column of a table.

    kind: what it holds. missing, distinct: the numbers of its missing and of its different values. values: its range or
    its most frequent values, in words. becomes: the model's numbers that it becomes; "left out" for none. why: a reason
    in words, or "". counts, bounds: the bars of its histogram, and between which numbers they lie. names: the
    categories that `counts` belong to.
    """

    name: str
    kind: str
    missing: int
    distinct: int
    values: str
    becomes: str
    why: str = ""
    counts: tuple[int, ...] = field(default=(), repr=False)
    bounds: tuple[float, float] | None = field(default=None, repr=False)
    names: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, repr=False)
class Inspection(Shown):
    """What a source holds; `inspect` returns it. Print it for a table in words.

    source: its name. facts: of the whole, such as the number of samples and their shape. columns: of a table.
    """

    source: str
    facts: Mapping[str, str]
    columns: tuple[ColumnFacts, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The same as JSON data."""
        return {"source": self.source, "facts": dict(self.facts), "columns": [asdict(one) for one in self.columns]}

    def rows(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """The head and the rows of the table of columns."""
        samples = max(1, int(self.facts["samples"].replace(",", "")))
        head = ("column", "holds", "missing", "different", "values", "becomes")
        return head, [
            (
                one.name,
                one.kind,
                percent(one.missing / samples, 0 if one.missing in (0, samples) else 1) if one.missing else "",
                f"{one.distinct:,}",
                one.values,
                one.becomes + (f" ({one.why})" if one.why and one.becomes == "left out" else ""),
            )
            for one in self.columns
        ]

    def _card(self) -> Card:
        head, rows = self.rows()
        tables = [Table.of(head, rows)] if rows else ()
        drawn = any(one.counts for one in self.columns)
        return Card(
            f"{self.source}, {self.facts['samples']} samples", self.facts, tables, (self.draw,) if drawn else ()
        )

    def __str__(self) -> str:
        lines = [f"{self.source}: {', '.join(f'{name} {value}' for name, value in self.facts.items())}"]
        head, rows = self.rows()
        if rows:
            widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
            lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in (head, *rows)]
        return "\n".join(lines)

    def draw(self, theme: "Theme | None" = None) -> "Figure":
        """The distribution of every column, at most 60 of them."""
        from isthmus.drawing.columns import column_panels  # noqa: PLC0415 Matplotlib takes half a second and 50 MB
        from isthmus.drawing.theme import LIGHT  # noqa: PLC0415

        panels = [(one.name, one.kind, one.counts, one.bounds, one.names, one.missing) for one in self.columns]
        return column_panels(panels, theme=theme or LIGHT)

    def page(self, path: str | Path) -> Page:
        """Write a self-contained page with the table and the distributions, and return its path.

        Raises:
            IsthmusError: the path can't be written to.
        """
        from isthmus.drawing.pages import fill_page, write_page  # noqa: PLC0415
        from isthmus.drawing.plates import Section, plate  # noqa: PLC0415

        head, rows = self.rows()
        drawn = [
            plate(
                "Distributions",
                self.draw,
                "A histogram of every column.",
                "Numbers and dates: how often values occur; the outermost hundredth is not shown. Categories: the most "
                "frequent ones. Faint: columns that are left out.",
            )
        ]
        sections = [Section("Distributions", drawn)] if any(one.counts for one in self.columns) else []
        page = fill_page(
            "inspection.html",
            source=self.source,
            facts=self.facts,
            head=head,
            rows=rows,
            reasons=[one.why for one in self.columns],
            sections=sections,
        )
        return write_page(path, page)


def inspect(source: Any, *, labels: Any = None, **options: Unpack[OptionWords]) -> Inspection:
    """What a source holds, and how `open_data` would read it.

        print(ist.inspect("people.csv"))
        ist.inspect("people.csv").page("people.html")

    The arguments are those of `open_data`. Missing values are counted, not refused.

    Raises:
        DataError: the source can't be read.
    """
    options = {"missing": "keep"} | options  # pyright: ignore[reportAssignmentType]
    chosen, where = Options.of(options), called(source)
    with reading(source):
        raw = read(source, chosen, labels=labels)
        raw = with_vocabulary(raw, chosen, {"validation": 0.0, "test": 0.0}, 0)
        parts = gather(raw, chosen, where)
    columns = () if raw.schema is None else tuple(_columns(raw))
    return Inspection(where, _facts(raw, parts), columns)


def _facts(raw: Raw, parts: Mapping[str, Samples]) -> dict[str, str]:
    whole = parts["train"]
    count = sum(map(len, parts.values()))
    facts = {"samples": f"{count:,}", "kind": whole.kind, "shape": " × ".join(map(str, whole.shape))}
    if len(parts) > 1:
        facts["parts"] = ", ".join(f"{name} {len(part):,}" for name, part in parts.items())
    if raw.schema is not None:
        used = len(raw.schema.used)
        facts["columns"] = f"{len(raw.schema.columns)}, of which {used} are learnt from"
    elif whole.kind != "tokens":
        some = whole.some(4096).tensor().float()
        known = some[some.isfinite()]
        if len(known):
            facts["values"] = f"{number(float(known.min()))} to {number(float(known.max()))}, {whole.dtype}"
    if whole.medium is not None:
        facts["read as"] = whole.medium.kind
    missing = sum(int(batch.isnan().flatten(1).any(1).sum()) for batch in whole.batches(4096))
    if missing:
        facts["samples with missing values"] = f"{missing:,}"
    if whole.labels is not None:
        counts = torch.bincount(whole.labels, minlength=len(whole.label_names)).tolist()
        most = sorted(zip(counts, whole.label_names, strict=True), key=lambda pair: -pair[0])
        facts["labels"] = listed([f"{name} ({count:,})" for count, name in most], most=10)
    return facts


def _columns(raw: Raw) -> list[ColumnFacts]:
    assert raw.schema is not None
    values, found = np.asarray(raw.values), []
    places = {column.name: place for place, column in raw.schema.firsts.items()}
    for column in raw.schema.columns:
        if column.used:
            place = places[column.name]
            names = raw.categories[place] if raw.categories else ()
            found.append(_used(column, values[:, place].astype(np.float64), names))
        else:
            found.append(_unused(column, raw.unused[column.name].to_pylist() if raw.unused is not None else []))
    return found


def _used(column: "Column", own: np.ndarray, names: Sequence[str]) -> ColumnFacts:
    known = own[~np.isnan(own)]
    missing, distinct = len(own) - len(known), len(np.unique(known))
    if column.kind in ("category", "boolean"):
        names = names or ("false", "true")
        counts = np.bincount(known.astype(np.int64), minlength=len(names))
        order = np.argsort(-counts, kind="stable")[:BARS]
        shares = [f"{names[i]} {percent(float(counts[i] / max(1, len(known))), 0)}" for i in order[:3]]
        rest = ", …" if len(names) > 3 else ""
        becomes = "1 number" if column.kind == "boolean" else f"1 of {len(names)} categories"
        return ColumnFacts(
            column.name,
            column.kind,
            missing,
            distinct,
            ", ".join(shares) + rest,
            becomes,
            column.why,
            tuple(counts[order].tolist()),
            names=tuple(str(names[i]) for i in order),
        )
    finite = known[np.isfinite(known)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (np.nan, np.nan)
    words = [
        str(one.as_py()) if column.kind != "number" else number(one.as_py())
        for one in column.decode(np.array([low, high]))
    ]
    inner = np.quantile(finite, (0.01, 0.99)) if len(finite) else (0.0, 1.0)
    inner = (low, high) if inner[0] == inner[1] else inner
    counts = (
        np.histogram(finite, BINS, (float(inner[0]), float(inner[1])))[0] if high > low else np.array([len(finite)])
    )
    more = len(column.features) - 1
    becomes = "1 number" + (f" and {more} for its place in the {listed(list(column.cycles))}" if more else "")
    bounds = (float(inner[0]), float(inner[1]))
    return ColumnFacts(
        column.name,
        column.kind,
        missing,
        distinct,
        words[0] if low == high else f"{words[0]} to {words[1]}",
        becomes,
        column.why,
        tuple(counts.tolist()),
        bounds,
    )


def _unused(column: "Column", values: list[Any]) -> ColumnFacts:
    known = [str(value) for value in values if value is not None and value != ""]
    most = Counter(known).most_common(BARS)
    shown = ", ".join(text if len(text) <= 30 else f"{text[:29]}…" for text, _ in most[:2])
    return ColumnFacts(
        column.name,
        column.kind,
        len(values) - len(known),
        len(set(known)),
        shown + (", …" if len(most) > 2 else ""),
        "left out",
        column.why,
        tuple(count for _, count in most) if most and most[0][1] > 1 else (),
        names=tuple(text for text, _ in most) if most and most[0][1] > 1 else (),
    )
