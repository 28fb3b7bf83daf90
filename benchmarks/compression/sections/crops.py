"""Crops of held-out photographs at equal bytes: each tool's best quality whose file fits the same budget."""

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from benchmarks.compression.bench import Bench
from benchmarks.compression.codec import OWN, QUALITIES, Codec
from benchmarks.compression.fidelity import psnr
from benchmarks.compression.photographs import held_out
from benchmarks.compression.pictures import JPEG, decode, largest_within, lossy_formats
from benchmarks.compression.tables import Cell, Table
from isthmus.drawing.theme import LIGHT, drawing, sheet

BITS = 0.25
"""Bits a pixel of the budget, where there is no codec of ours to set it."""
SIDE = 160
SHOWN = (JPEG, "WebP", "AVIF")


@dataclass(frozen=True)
class Shown:
    """A decoded photograph with the bytes of its file."""

    bytes: int
    decoded: np.ndarray


def measure(bench: Bench) -> list[Table]:
    """A figure with a row for each photograph and a column for each tool, and a table of bytes and PSNR."""
    codecs = bench.codecs("photos")
    rows: list[list[Cell]] = []
    shown: dict[str, dict[str, Shown | None]] = {}
    pictures = held_out()
    for name, picture in pictures.items():
        budget = round(BITS * picture.shape[0] * picture.shape[1] / 8)
        ours = nearest(codecs, picture, budget)
        made: dict[str, Shown | None] = {} if ours is None else {OWN: ours}
        budget = budget if ours is None else ours.bytes
        for form in (form for form in lossy_formats() if form.name in SHOWN):
            best = largest_within(form, picture, budget)
            made[form.name] = None if best is None else Shown(len(best[1]), decode(best[1], picture))
        shown[name] = made
        rows += [[name, tool, one.bytes, psnr(one.decoded, picture)] for tool, one in made.items() if one is not None]
    bench.draw(drawn(pictures, shown), "crops")
    return [Table("Crops at equal bytes", ("photograph", "tool", "bytes", "PSNR, dB"), rows)]


def nearest(codecs: list[Codec], picture: np.ndarray, budget: int) -> Shown | None:
    """Our codec at the setting whose file is nearest to the budget; None without a codec."""
    coded = [codec.code(picture, quality=quality) for codec in codecs for quality in QUALITIES]
    if not coded:
        return None
    best = min(coded, key=lambda one: abs(one.bytes - budget))
    return Shown(best.bytes, best.decoded)


def drawn(pictures: dict[str, np.ndarray], shown: dict[str, dict[str, Shown | None]]) -> Figure:
    """The busiest crop of each photograph, original and decoded; each tool's bytes and PSNR below."""
    tools = ["original", *next(iter(shown.values()))]
    across, line = 1.75, 0.24
    with drawing(LIGHT):
        width, each = across * len(tools), across + line
        figure = sheet(width, each * len(pictures) + line, fitted=False)
        tall = each * len(pictures) + line
        for down, (name, picture) in enumerate(pictures.items()):
            top, left = busiest(picture)
            for place, tool in enumerate(tools):
                one = None if tool == "original" else shown[name][tool]
                if tool != "original" and one is None:
                    continue
                whole = picture if one is None else one.decoded
                bottom = tall - line - each * down - across
                box = ((across * place + 0.03) / width, bottom / tall, (across - 0.06) / width, (across - 0.06) / tall)
                axes = figure.add_axes(box)
                axes.imshow(whole[top : top + SIDE, left : left + SIDE], interpolation="nearest")
                axes.set_axis_off()
                words = name if one is None else f"{one.bytes:,} bytes, {psnr(one.decoded, picture):.2f} dB"
                axes.text(0.5, -0.03, words, transform=axes.transAxes, ha="center", va="top", fontsize=7)
                if down == 0:
                    axes.set_title(tool, fontsize=9, pad=3)
    return figure


def busiest(picture: np.ndarray) -> tuple[int, int]:
    """Top and left of the crop whose brightness varies most, on a grid of half its side."""
    grey = picture.mean(2)
    height, width = grey.shape
    places = [
        (top, left) for top in range(0, height - SIDE + 1, SIDE // 2) for left in range(0, width - SIDE + 1, SIDE // 2)
    ]
    return max(places, key=lambda place: grey[place[0] : place[0] + SIDE, place[1] : place[1] + SIDE].std())
