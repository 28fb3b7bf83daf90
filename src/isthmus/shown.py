"""Shown: how a result describes itself, in one line, as printed text, and as HTML in a notebook."""

import base64
import contextlib
import dataclasses
import html
import io
import itertools
import math
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from isthmus.errors import IsthmusError
from isthmus.formatting import number
from isthmus.plain import plain

ROWS = 20
"""The most rows of a table that are shown."""
WIDE, NARROWEST = 110, 12
"""The most characters of a line of printed text, and the least that a column keeps."""
TALL = 640
"""Pixels of the height in which a notebook shows a page."""

_BOX = "font-family:system-ui,sans-serif;line-height:1.45;max-width:60rem;overflow-x:auto"
_CELL = "text-align:left;padding:0.15rem 1rem 0.15rem 0;vertical-align:top;white-space:pre-wrap"
_FIGURE = "text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;padding:0.15rem 1rem 0.15rem 0"
_CODE = "font-family:ui-monospace,monospace;white-space:pre-wrap;user-select:all;margin:0.4rem 0"

T = TypeVar("T")


@dataclass(frozen=True)
class Table:
    """Rows of text below a head, with a caption.

    more: how many further rows are left out. code: the columns, counted from 0, whose cells are code.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    more: int = 0
    code: tuple[int, ...] = ()

    @classmethod
    def of(cls, head: Sequence[str], rows: Iterable[Sequence[str]], caption: str = "", **more: Any) -> "Table":
        """The first `ROWS` of the rows."""
        every = list(rows)
        return cls(head, every[:ROWS], caption, len(every) - len(every[:ROWS]), **more)


@dataclass(frozen=True)
class Card:
    """What is shown of a result.

    words: one line. facts: names and values. tables: further numbers. figures: draw its pictures, on request. code:
    commands to copy.
    """

    words: str
    facts: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tables: Sequence[Table] = ()
    figures: Sequence[Callable[[], Any]] = ()
    code: str = ""


class Shown:
    """A result that shows itself: one line as its `repr`, a short text when printed, HTML with a picture in a notebook.

    A class says what is shown in `_card`. Without that, its fields are shown, and of arrays only their shapes.
    """

    def _card(self) -> Card:
        return Card(", ".join(f"{name} {value}" for name, value in _fields(self)), dict(_fields(self)))

    def __repr__(self) -> str:
        return plain(_cut(f"<{type(self).__name__}: {' '.join(self._card().words.split())}>", 4 * WIDE), line=True)

    def __str__(self) -> str:
        return plain(as_text(self._card()))

    def _repr_html_(self) -> str:
        return plain(as_html(self._card(), type(self).__name__))


class ShownList(Shown, list[T]):
    """A list of results that shows itself as a table; otherwise a list like any other."""

    def __repr__(self) -> str:
        return str(self)


class Page(type(Path())):
    """The path of a page that was written; as the last line of a cell in a notebook, the page itself."""

    def _repr_html_(self) -> str | None:
        if self.suffix.lower() not in (".html", ".htm") or not self.is_file():
            return None  # such as the page's folder
        # as its own document, so that it is kept in the notebook and its style does not leak
        source = html.escape(self.read_text(encoding="utf-8"))
        look = "box-sizing:border-box;border:1px solid #8886;border-radius:0.4rem;background:#fff"
        title = html.escape(self.name)
        return f'<iframe srcdoc="{source}" title="{title}" width="100%" height="{TALL}" style="{look}"></iframe>'


def as_text(card: Card) -> str:
    """The line of a card, and its tables in columns."""
    lines = [card.words]
    if not card.tables:
        lines += [f"  {name}: {_cut(value, WIDE)}" for name, value in card.facts.items()]
    for table in card.tables:
        rows = [tuple(map(str, table.head)), *(tuple(map(str, row)) for row in table.rows)]
        widths = _narrowed([max(map(len, column)) for column in zip(*rows, strict=True)])
        right = [place for place in range(len(widths)) if _is_figures(row[place] for row in rows[1:])]
        lines += [line for row in rows for line in _lines(row, widths, right)]
        lines += [f"… and {table.more:,} more"] if table.more else []
    lines += [card.code] if card.code else []
    return "\n".join(line.rstrip() for line in lines)


def as_html(card: Card, title: str) -> str:
    """A card as HTML that needs no script, no style sheet and no other file."""
    parts = [f"<div><strong>{html.escape(title)}</strong> {html.escape(card.words)}</div>"]
    for draw in card.figures:
        with contextlib.suppress(IsthmusError):  # such as data that can't be opened any more
            parts.append(picture(draw(), card.words))
    if card.facts:
        rows = (f"<tr>{_th(name)}{_td(value)}</tr>" for name, value in card.facts.items())
        parts.append(f"<table>{''.join(rows)}</table>")
    parts += [_as_table(table) for table in card.tables]
    if card.code:
        parts.append(f'<pre style="{_CODE}">{html.escape(card.code)}</pre>')
    return f'<div style="{_BOX}">{"".join(parts)}</div>'


def picture(figure: Any, words: str = "") -> str:
    """A figure of matplotlib as an image in HTML, on white paper; "" for None."""
    if figure is None:
        return ""
    content = base64.b64encode(png_of(figure)).decode()
    width = round(figure.get_size_inches()[0] * 100)
    look = "max-width:100%;height:auto;background:#fff;border-radius:0.4rem;margin:0.4rem 0"
    return f'<img alt="{html.escape(words)}" width="{width}" style="{look}" src="data:image/png;base64,{content}">'


def png_of(figure: Any) -> bytes:
    """A figure of matplotlib as PNG on white paper, without a date, so that the same figure gives the same bytes."""
    memory = io.BytesIO()
    figure.savefig(memory, format="png", dpi=figure.dpi, facecolor="white", metadata={"Software": None})
    return memory.getvalue()


def brief(value: Any) -> str:
    """A value in a few words: of arrays the type and the shape, of long collections their length."""
    made = " ".join(str(value).split()) if not _is_large(value) else f"{type(value).__name__}"
    if isinstance(value, bool) or value is None:
        made = {True: "yes", False: "no", None: "none"}[value]
    elif isinstance(value, float):
        made = number(value, 4) if math.isfinite(value) else str(value)
    elif isinstance(value, int):
        made = f"{value:,}"
    elif isinstance(value, Shown):
        made = value._card().words
    elif hasattr(value, "shape") and hasattr(value, "dtype"):
        made = f"{str(value.dtype).removeprefix('torch.')} ({', '.join(map(str, value.shape))})"
    elif isinstance(value, Mapping):
        made = ", ".join(f"{name} {brief(one)}" for name, one in value.items()) or "none"
    elif isinstance(value, list | tuple | set | frozenset):
        few = all(isinstance(one, str | int | float) for one in value) and len(value) <= 8
        made = (", ".join(brief(one) for one in value) or "none") if few else f"{len(value):,} items"
    return _cut(made)


def _is_large(value: Any) -> bool:
    """Whether the text of a value could fill a screen, such as an array's, a module's or a list's."""
    return not isinstance(value, str | int | float | Path | None) and not isinstance(value, BaseModel)


def _fields(of: Any) -> Iterator[tuple[str, str]]:
    """The fields of a dataclass that are shown, each in a few words."""
    for one in dataclasses.fields(of) if dataclasses.is_dataclass(of) else ():
        if one.repr and not one.name.startswith("_"):
            yield one.name.replace("_", " "), brief(getattr(of, one.name))


def _as_table(table: Table) -> str:
    columns = range(len(table.head))
    right = [place for place in columns if _is_figures(row[place] for row in table.rows)]
    head = "".join(_th(name, place in right) for place, name in enumerate(table.head))
    rows = "".join(
        f"<tr>{''.join(_td(str(cell), place in right, place in table.code) for place, cell in enumerate(row))}</tr>"
        for row in table.rows
    )
    words = table.caption + (f" … and {table.more:,} more." if table.more else "")
    caption = f'<caption style="text-align:left;caption-side:bottom">{html.escape(words)}</caption>' if words else ""
    return f'<table style="margin:0.4rem 0">{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'


def _th(text: str, right: bool = False) -> str:
    return f'<th style="{_FIGURE if right else _CELL}">{html.escape(text)}</th>'


def _td(text: str, right: bool = False, code: bool = False) -> str:
    text = html.escape(text)
    return f'<td style="{_FIGURE if right else _CELL}">{f"<code>{text}</code>" if code and text else text}</td>'


def _is_figures(cells: Iterable[Any]) -> bool:
    """Whether a column has only numbers, which stand on the right."""
    known = [str(cell) for cell in cells if str(cell) not in ("", "–")]
    return bool(known) and all(cell[:1] in "-−+±0123456789" and len(cell) <= 16 for cell in known)


def _narrowed(widths: list[int]) -> list[int]:
    """Widths of columns that fit a line together: the widest ones give way."""
    widths = list(widths)
    while sum(widths) + 2 * (len(widths) - 1) > WIDE and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return widths


def _lines(row: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> Iterator[str]:
    """A row in columns; longer cells go on in the next line."""
    cells = [textwrap.wrap(cell, width) or [""] for cell, width in zip(row, widths, strict=True)]
    for parts in itertools.zip_longest(*cells, fillvalue=""):
        padded = (
            part.rjust(width) if place in right else part.ljust(width)
            for place, (part, width) in enumerate(zip(parts, widths, strict=True))
        )
        yield "  ".join(padded)


def _cut(text: str, most: int = 80) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
