"""Plates: figures as a page holds them, for light and for dark, said in words too; sections: plates with a title."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from isthmus.drawing.theme import DARK, LIGHT, Theme, png


@dataclass(frozen=True)
class Plate:
    """A figure as the page holds it: PNG for light and dark, in words for those who can't see it, and a caption."""

    title: str
    light: str
    dark: str
    alt: str
    caption: str
    width: int


@dataclass(frozen=True)
class Section:
    """Plates that belong together, below one title. words: what is to be read above them, a paragraph each."""

    title: str
    plates: Sequence[Plate]
    words: Sequence[str] = ()


def plate(title: str, draw: Callable[[Theme], Figure], alt: str, caption: str) -> Plate:
    """Draw a figure for light and for dark."""
    drawn = draw(LIGHT)
    width = round(drawn.get_size_inches()[0] * 120)
    light, dark = (base64.b64encode(png(figure)).decode() for figure in (drawn, draw(DARK)))
    return Plate(title, light, dark, alt, caption, width)
