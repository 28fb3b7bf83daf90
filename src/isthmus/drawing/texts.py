"""Texts as figures: rows of samples in words, and texts whose tokens are coloured by their cost."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from isthmus.drawing.theme import LIGHT, Theme, drawing, sheet

ACROSS = 96
"""Characters in a line of a figure; longer texts are cut."""
LINE = 0.22
"""Inches from one line to the next."""


def text_rows(rows: Mapping[str, Sequence[str]], *, captions: Sequence[str] = (), theme: Theme = LIGHT) -> Figure:
    """Texts that follow one another, one below the other, in blocks by name; captions stand before the texts."""
    lines: list[tuple[str, str]] = []
    for name, texts in rows.items():
        lines.append(("", name))
        for place, text in enumerate(texts):
            caption = captions[place] if place < len(captions) else ""
            lines.append((caption, _short(text)))
    margin = max((len(caption) for caption, _ in lines), default=0)
    with drawing(theme):
        figure = sheet(8.0, LINE * (len(lines) + 1))
        for number, (caption, text) in enumerate(lines):
            title = not caption and text in rows
            height = 1 - (number + 0.8) / (len(lines) + 1)
            shown = text if title else f"{caption:>{margin}}  {text}"
            style: dict[str, Any] = {"weight": "bold"} if title else {"family": "monospace"}
            figure.text(0.01, height, _plain(shown), fontsize=8, va="top", color=theme.ink, **style)
    return figure


def text_heat(
    symbols: Sequence[Sequence[str]], costs: Sequence[Sequence[float]], titles: Sequence[str] = (), theme: Theme = LIGHT
) -> Figure:
    """Texts, a line each, with the symbols coloured by their costs, from none to the highest cost of all."""
    highest = max((max(row, default=0.0) for row in costs), default=0.0) or 1.0
    colours = mpl.colormaps["Reds" if theme is LIGHT else "inferno"]
    margin = max((len(title) for title in titles), default=0)
    wide = max((sum(map(len, row)) for row in symbols), default=1)
    across = min(ACROSS, wide) + margin + 2
    with drawing(theme):
        figure = sheet(8.0, LINE * (len(symbols) + 1))
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, max(across, 60)), ylim=(len(symbols) + 0.5, -0.5))
        axes.axis("off")
        for line, (row, cost) in enumerate(zip(symbols, costs, strict=True)):
            if line < len(titles):
                axes.text(0.5, line, titles[line], fontsize=8, va="center", family="monospace", color=theme.ink)
            place = margin + 2
            for symbol, value in zip(row, cost, strict=True):
                shown = _plain(symbol.replace("\n", " "))
                if place + len(shown) > margin + 2 + ACROSS:
                    break
                share = float(np.clip(value / highest, 0, 1))
                axes.add_patch(_box(place, line, len(shown), colours(0.85 * share), share))
                axes.text(place, line, shown, fontsize=8, va="center", family="monospace", color=theme.ink)
                place += len(shown)
    return figure


def _box(left: float, line: int, width: int, colour: tuple[float, ...], share: float) -> Rectangle:
    return Rectangle((left, line - 0.45), width, 0.9, facecolor=colour, alpha=0.75 if share > 0.05 else 0)


def _short(text: str) -> str:
    return textwrap.shorten(text, ACROSS, placeholder=" …") if len(text) > ACROSS else text


def _plain(text: str) -> str:
    """The text as it stands: a figure would read dollars as a formula."""
    return text.replace("$", r"\$")
