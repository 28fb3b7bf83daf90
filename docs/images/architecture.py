"""Make the pictures of the page about the architecture: the house from the linter's layers, and the way of a batch.

python docs/images/architecture.py
"""

import io
import tomllib
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Polygon
from PIL import Image

from isthmus.drawing.theme import LIGHT, drawing, sheet

HERE = Path(__file__).parent
FLOORS = {  # from the roof down: what is done there, and where; each folder of Isthmus, in the order of the layers
    "interfaces": {"cli": "commands", "serve": "over HTTP", "sklearn": "estimators"},
    "many machines": {"engines": "Ray, Spark, Dask"},
    "many models": {"experiments": "sweep, compare, pretrain, tune"},
    "making a run": {"fitting": "fit, resume", "trackers": "TensorBoard, MLflow, …"},
    "a run": {"codec": "compress", "exporting": "ONNX", "run": "history", "hub": "share"},
    "use and judge": {"report": "", "doctor": "", "uses": "", "drawing": ""},
    "a trained model": {"trained": "encode", "filling": "cells", "measures": "errors", "samplers": "codes"},
    "training": {"guidance": "which recipe", "training": "loop, step, checkpoints"},
    "the model": {"model": "batch, autoencoder, objective, blueprint, store"},
    "samples": {"data": "readers, splits, scaling, streams, writers"},
    "parts": {"parts": "networks, codes, priors, …", "exact": "the same bits anywhere"},
    "the ground": {"storage": "whole files", "options": "each defined once", "errors": "messages"},
}
TINTS = (
    "#f3e3d3",
    "#e9e2f0",
    "#e9e2f0",
    "#dcebf7",
    "#dcebf7",
    "#dcebf7",
    "#dcebf7",
    "#e0f0e3",
    "#e0f0e3",
    "#fbf1cf",
    "#fbf1cf",
    "#e9ebee",
)


def layers() -> list[str]:
    """The modules and folders of Isthmus from the top down, as the linter holds them."""
    settings = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text())
    return settings["tool"]["importlinter"]["contracts"][0]["layers"]


def house() -> Figure:
    """The floors; each package may import from below, never from above."""
    high = 0.56
    with drawing(LIGHT):
        figure = sheet(7, 0.5 + high * (len(FLOORS) + 1), fitted=False)
        axes = _canvas(figure, 7, 0.5 + high * (len(FLOORS) + 1))
        top = high * len(FLOORS) + 0.1
        roof = [(0.25, top), (6.1, top), (3.175, top + high + 0.2)]
        axes.add_patch(Polygon(roof, facecolor="#f7efe7", edgecolor=LIGHT.ink, linewidth=1))
        axes.text(3.175, top + 0.22, "isthmus", ha="center", va="center", fontsize=12, weight="bold")
        for place, ((title, rooms), tint) in enumerate(zip(FLOORS.items(), TINTS, strict=True)):
            bottom = top - high * (place + 1)
            _box(axes, 0.4, bottom, 5.55, high, tint, rounded=0)
            axes.text(0.55, bottom + high / 2, title, va="center", fontsize=10)
            left, wide = 1.75, 4.1 / len(rooms)
            for number, (room, gloss) in enumerate(rooms.items()):
                _box(axes, left + number * wide + 0.03, bottom + 0.06, wide - 0.06, high - 0.12, "white")
                middle, up = left + (number + 0.5) * wide, bottom + high / 2 + (0.09 if gloss else 0)
                axes.text(middle, up, room, ha="center", va="center", fontsize=9.5, family="DejaVu Sans Mono")
                axes.text(middle, up - 0.19, gloss, ha="center", va="center", fontsize=9)
        axes.add_patch(FancyArrowPatch((6.35, top), (6.35, 0.15), arrowstyle="-|>", mutation_scale=14, color=LIGHT.ink))
        axes.text(6.55, top / 2, "imports go down only", rotation=270, va="center", ha="center", fontsize=10)
    return figure


def batch() -> Figure:
    """What happens to a batch, from raw samples to the loss."""
    with drawing(LIGHT):
        figure = sheet(7, 2.95, fitted=False)
        axes = _canvas(figure, 7, 2.95)
        stages = {
            "batch": ("scaled samples,\nmask, labels,\ndraws", "#fbf1cf"),
            "corruption": ("what the\nencoder gets", "#fbf1cf"),
            "encoder": ("features", "#e0f0e3"),
            "code": ("z, and\nits prior", "#dcebf7"),
            "decoder": ("output", "#e0f0e3"),
            "predicts": ("a sample, or\na residual", "#fbf1cf"),
        }
        wide, y = 7 / len(stages), 1.75
        for place, (name, (gloss, tint)) in enumerate(stages.items()):
            left = place * wide
            _box(axes, left + 0.08, y, wide - 0.24, 0.5, tint)
            axes.text(left + wide / 2 - 0.04, y + 0.25, name, ha="center", va="center", fontsize=10, weight="bold")
            axes.text(left + wide / 2 - 0.04, y + 0.58, gloss, ha="center", va="bottom", fontsize=9)
            if place:
                _arrow(axes, (left - 0.16, y + 0.25), (left + 0.08, y + 0.25))
        _box(axes, 1.6, 0.2, 5.2, 0.75, "#f3e3d3")
        axes.text(4.2, 0.72, "objective", ha="center", va="center", fontsize=10, weight="bold")
        axes.text(4.2, 0.42, "distance(output, clean) + Σ weight · penalty", ha="center", va="center", fontsize=10)
        _arrow(axes, (6.38, y), (6.38, 0.95))
        axes.add_patch(
            FancyArrowPatch(
                (0.5, y),
                (1.6, 0.58),
                arrowstyle="-|>",
                mutation_scale=12,
                color=LIGHT.ink,
                connectionstyle="angle,angleA=-90,angleB=0,rad=6",
            )
        )
        axes.text(0.58, 1.2, "clean", fontsize=9)
        axes.text(6.3, 1.32, "output", fontsize=9, ha="right")
        _arrow(axes, (3.38 + 0.6, y), (3.98, 0.95))
        axes.text(3.9, 1.32, "code, layers", fontsize=9, ha="right")
    return figure


def _canvas(figure: Figure, width: float, height: float) -> Axes:
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    axes.set_axis_off()
    return axes


def _box(axes: Axes, x: float, y: float, wide: float, high: float, colour: str, rounded: float = 0.06) -> None:
    style = f"round,pad=0,rounding_size={rounded}" if rounded else "square,pad=0"
    axes.add_patch(
        FancyBboxPatch((x, y), wide, high, boxstyle=style, facecolor=colour, edgecolor=LIGHT.ink, linewidth=0.8)
    )


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    arrow = FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=12, shrinkA=0, shrinkB=0, color=LIGHT.ink)
    axes.add_patch(arrow)


def write(name: str, figure: Figure) -> None:
    """Write a small PNG for the page's width."""
    memory = io.BytesIO()
    figure.savefig(memory, format="png", dpi=200, facecolor="white")
    Image.open(memory).convert("RGB").quantize(64).save(HERE / f"{name}.png", optimize=True)


if __name__ == "__main__":
    write("architecture", house())
    write("batch", batch())
