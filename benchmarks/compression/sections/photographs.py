"""Held-out photographs, lossy: bits a pixel, PSNR and MS-SSIM of each tool, and BD-rates compared with JPEG."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.compression.bench import Bench
from benchmarks.compression.codec import OWN, QUALITIES, Codec
from benchmarks.compression.fidelity import in_decibels, ms_ssim, psnr
from benchmarks.compression.photographs import held_out
from benchmarks.compression.pictures import JPEG, Format, decode, lossy_formats
from benchmarks.compression.rates import Point, bd_rate, bits_per, mean_curve, quality_at, worst_rate
from benchmarks.compression.tables import Cell, Table
from isthmus.drawing.theme import LIGHT, MARKERS, drawing, sheet
from isthmus.formatting import percent

BITS = (0.25, 0.5, 1.0, 2.0)
"""Bits a pixel at which the table states the quality."""
MEASURES = {"psnr": "PSNR, dB", "ms_ssim": "MS-SSIM, dB"}

Curves = Mapping[str, Sequence[Mapping[str, float]]]
"""The name of a photograph → its points: quality, bits a pixel, psnr, ms_ssim (in decibels)."""


def measure(bench: Bench) -> list[Table]:
    """Tables of the BD-rates and of the quality at a few rates; and a figure of the mean curves."""
    pictures = held_out()
    curves: dict[str, Curves] = {
        form.name: bench.once(f"photographs-{form.name}", lambda form=form: peer_curves(form, pictures))
        for form in lossy_formats()
    }
    codecs = bench.codecs("photos")
    if codecs:
        curves[OWN] = own_curves(codecs, pictures)
    for measure in MEASURES:
        bench.draw(drawn(curves, measure), f"photographs-{measure}")
    title = f"{', '.join(pictures)}, {sum(picture.size // 3 for picture in pictures.values()):,} pixels"
    model = sum(codec.model_bytes for codec in codecs)
    notes = [
        f"Photographs: {title}. BD-rates are the mean over the photographs of the difference in bits at equal quality, "
        f"over the qualities that both curves cover (PCHIP); “at worst” is the largest difference at any quality, of "
        f"the mean curves. MS-SSIM is compared in dB, −10 log₁₀(1 − MS-SSIM).",
        *([f"The model of {OWN}: {model:,} bytes."] if codecs else []),
    ]
    return [
        Table(
            f"Photographs, bits compared with {JPEG}",
            ("tool", "BD-rate, PSNR", "at worst", "BD-rate, MS-SSIM", "at worst"),
            [compared(name, curves) for name in curves if name != JPEG],
            notes,
        ),
        *(
            Table(f"Photographs, {words} at bits a pixel", ("tool", *map(str, BITS)), at_rates(curves, measure))
            for measure, words in MEASURES.items()
        ),
    ]


def peer_curves(form: Format, pictures: Mapping[str, np.ndarray]) -> Curves:
    """The points of a peer."""
    curves: dict[str, list[dict[str, float]]] = {}
    for name, picture in pictures.items():
        for quality in form.qualities:
            file = form.encode(picture, quality)
            curves.setdefault(name, []).append(point(quality, len(file), decode(file, picture), picture))
    return curves


def own_curves(codecs: Sequence[Codec], pictures: Mapping[str, np.ndarray]) -> Curves:
    """The points of our codecs together: of one model for each rate, or of one with several."""
    curves: dict[str, list[dict[str, float]]] = {}
    for name, picture in pictures.items():
        curves[name] = []
        for place, (codec, quality) in enumerate((codec, quality) for codec in codecs for quality in QUALITIES):
            coded = codec.code(picture, quality=quality)
            curves[name].append(point(place if quality is None else quality, coded.bytes, coded.decoded, picture))
    return curves


def point(quality: float, size: int, decoded: np.ndarray, picture: np.ndarray) -> dict[str, float]:
    """What is measured of one file."""
    return {
        "quality": float(quality),
        "bits": bits_per(size, picture.shape[0] * picture.shape[1]),
        "psnr": psnr(decoded, picture),
        "ms_ssim": in_decibels(ms_ssim(decoded, picture)),
    }


def points(curve: Sequence[Mapping[str, float]], measure: str) -> list[Point]:
    """Rates and qualities of one photograph."""
    return [(point["bits"], point[measure]) for point in curve]


def mean_points(curves: Curves, measure: str) -> list[Point]:
    """Rates and qualities on average over the photographs."""
    return mean_curve([points(curve, measure) for curve in curves.values()])


def compared(name: str, curves: Mapping[str, Curves]) -> list[Cell]:
    """A tool's BD-rates and largest differences compared with JPEG."""
    cells: list[Cell] = [name]
    for measure in MEASURES:
        try:
            each = [
                bd_rate(points(curves[JPEG][photo], measure), points(curve, measure))
                for photo, curve in curves[name].items()
            ]
            worst = worst_rate(mean_points(curves[JPEG], measure), mean_points(curves[name], measure))
        except ValueError:  # one point, or nothing in common
            cells += [None, None]
        else:
            cells += [percent(fmean(each), 1), percent(worst, 1)]
    return cells


def at_rates(curves: Mapping[str, Curves], measure: str) -> list[list[Cell]]:
    """The quality of each tool at each of `BITS`, on its mean curve; nothing where the curve does not reach."""
    rows: list[list[Cell]] = []
    for name, curve in curves.items():
        mean = mean_points(curve, measure)
        rows.append([name, *(quality_at(mean, bits) if len(mean) > 1 else None for bits in BITS)])
    return rows


def drawn(curves: Mapping[str, Curves], measure: str) -> Figure:
    """The mean curves, over a logarithmic axis of bits a pixel."""
    with drawing(LIGHT):
        figure = sheet(6.4, 4.2)
        axes: Any = figure.add_subplot(xlabel="bits a pixel", ylabel=MEASURES[measure])
        for place, (name, curve) in enumerate(curves.items()):
            bits, quality = zip(*mean_points(curve, measure), strict=True)
            own = {"color": LIGHT.rivals["model"], "linewidth": 2.6} if name == OWN else {"color": LIGHT.labels[place]}
            axes.plot(bits, quality, marker=MARKERS[place], markersize=3.5, label=name, **own)
        axes.set_xscale("log")
        axes.set_xlim(0.08, 4)
        axes.set_xticks((0.1, 0.25, 0.5, 1, 2, 4), ("0.1", "0.25", "0.5", "1", "2", "4"))
        axes.grid()
        axes.legend()
    return figure
