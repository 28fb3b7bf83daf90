"""The look of figures: a light and a dark theme, colours that colour-blind people can distinguish, and PNG output."""

import contextlib
import functools
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isthmus.shown import png_of
from isthmus.storage.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = (
    "#0040bf",
    "#df6000",
    "#006020",
    "#bf40ff",
    "#00bfdf",
    "#dfbf00",
    "#9f0060",
    "#ff9f9f",
    "#609f60",
    "#808080",
)
"""Ten colours for labels, found by a search over a grid of colours: any two differ by 24 or more (CIEDE2000), and by 13
or more as people with protanopia or deuteranopia see them (Machado et al., 2009)."""

LIGHT_LABELS = (
    "#6f98ff",
    "#ff9140",
    "#35b562",
    "#d78aff",
    "#3fd6ef",
    "#f2d83f",
    "#e85aa8",
    "#ffbdbd",
    "#9fd39f",
    "#a8a8a8",
)
"""The same, lightened to stand out from a dark background."""

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "*")
"""Shapes for labels after the tenth, so that the first hundred all look different."""


@dataclass(frozen=True)
class Theme:
    """Colours of one look. `rivals` are the model, PCA, the mean and the original, after Okabe and Ito (2008)."""

    ink: str
    faint: str
    paper: str
    rivals: dict[str, str] = field(hash=False)
    labels: tuple[str, ...] = LABELS


LIGHT = Theme(
    ink="#22262b",
    faint="#c9ced6",
    paper="#ffffff",
    rivals={"model": "#0072b2", "pca": "#d55e00", "mean": "#7a7f87", "original": "#22262b"},
)
DARK = Theme(
    ink="#dfe3e8",
    faint="#474d57",
    paper="#1c2026",
    rivals={"model": "#56b4e9", "pca": "#e69f00", "mean": "#9aa0a9", "original": "#dfe3e8"},
    labels=LIGHT_LABELS,
)


@contextlib.contextmanager
def drawing(theme: Theme) -> Iterator[None]:
    """Draw in `theme` inside the block; matplotlib's settings are as before afterwards."""
    import matplotlib as mpl  # noqa: PLC0415 it takes half a second, and themes are known without it

    settings: dict[Any, Any] = {
        "font.family": "DejaVu Sans",
        "font.size": 10,
        "text.color": theme.ink,
        "axes.labelcolor": theme.ink,
        "axes.edgecolor": theme.faint,
        "axes.facecolor": "none",
        "axes.titlesize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.unicode_minus": True,
        "figure.facecolor": "none",
        "figure.dpi": 160,
        "grid.color": theme.faint,
        "grid.linewidth": 0.5,
        "xtick.color": theme.ink,
        "ytick.color": theme.ink,
        "xtick.minor.visible": False,
        "legend.frameon": False,
        "lines.linewidth": 1.8,
        "lines.solid_capstyle": "round",
        "text.usetex": False,
    }
    with mpl.rc_context(settings):
        yield


@functools.cache
def _sheet() -> "type[Figure]":
    """The class of figures, made when the first one is drawn."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    class Sheet(Figure):
        """A figure that shows itself in a notebook, whatever the back end of matplotlib, which isn't touched."""

        def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
            width, height = self.get_size_inches()
            return png_of(self), {"width": round(width * 100), "height": round(height * 100)}

    return Sheet


def sheet(width: float, height: float, *, fitted: bool = True) -> "Figure":
    """An empty figure of `width` × `height` inches, without a window.

    fitted: make room for labels by drawing twice; placing many panels by hand is faster.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415

    figure = _sheet()(figsize=(width, height), layout="constrained" if fitted else None)
    FigureCanvasAgg(figure)
    return figure


def png(figure: "Figure") -> bytes:
    """The figure as PNG with a transparent background and no date, so that the same figure gives the same bytes."""
    memory = io.BytesIO()
    figure.savefig(memory, format="png", dpi=figure.dpi, facecolor="none", metadata={"Software": None})
    return memory.getvalue()


def write_png(path: str | Path, figure: "Figure", theme: Theme = LIGHT) -> None:
    """Write the figure as a PNG on the theme's paper, whole or not at all."""
    words = {"format": "png", "dpi": figure.dpi, "facecolor": theme.paper, "metadata": {"Software": None}}
    write_whole(path, lambda beside: figure.savefig(beside, **words))
