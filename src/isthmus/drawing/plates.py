"""Plates: figures of a page, in light and dark, with a text alternative; sections: plates under a title; pictures."""

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from isthmus.drawing.theme import DARK, LIGHT, Theme, png

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Plate:
    """A figure of a page: PNG for light and dark, a text alternative, and a caption."""

    title: str
    light: str
    dark: str
    alt: str
    caption: str
    width: int


@dataclass(frozen=True)
class Section:
    """Plates that belong together under one title.

    words: the paragraphs above them. commands: for each paragraph a command to copy, or "". large: whether each plate
    has the whole width of the page.
    """

    title: str
    plates: Sequence[Plate]
    words: Sequence[str] = ()
    commands: Sequence[str] = ()
    large: bool = False


def plate(title: str, draw: "Callable[[Theme], Figure]", alt: str, caption: str) -> Plate:
    """Draw a figure for light and dark pages."""
    (light, width), (dark, _) = (drawn(draw, theme) for theme in (LIGHT, DARK))
    return Plate(title, light, dark, alt, caption, width)


def drawn(draw: "Callable[[Theme], Figure]", theme: Theme) -> tuple[str, int]:
    """A figure's PNG in base64, and its width on the page."""
    figure = draw(theme)
    return base64.b64encode(png(figure)).decode(), round(figure.get_size_inches()[0] * 120)


def address(picture: np.ndarray) -> str:
    """(H, W, 4) uint8 as a data URL; as grey or opaque if possible, which is smaller."""
    image = Image.fromarray(picture, "RGBA")
    if bool((picture[..., 3] == 255).all()):
        grey = bool((picture[..., :1] == picture[..., :3]).all())
        image = image.convert("L" if grey else "RGB")
    memory = io.BytesIO()
    image.save(memory, format="png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(memory.getvalue()).decode()}"
