"""The report of a codec: bytes beside other formats, rate and error, where the bits go, and crops at equal bytes."""

import io
import lzma
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from isthmus.codec.blocks import BlockCoder
from isthmus.codec.compressed import Compressed
from isthmus.codec.exact_model import ExactModel
from isthmus.codec.methods import methods_for
from isthmus.data.samples import Samples
from isthmus.drawing import figures, studies
from isthmus.drawing.detection import bit_maps
from isthmus.drawing.pages import fill_page
from isthmus.drawing.plates import Section, plate
from isthmus.drawing.signs import bars
from isthmus.report.facts import data_facts, flat
from isthmus.run import environment
from isthmus.storage.files import write_whole
from isthmus.trained import TrainedModel

QUALITIES = (5.0, 20.0, 35.0, 50.0, 65.0, 80.0, 95.0)
PEER_QUALITIES = (5, 15, 30, 50, 70, 85, 95)
SHOWN, CROP = 4, 128
"""Pictures in the figures, and the side of their crops."""
MOST_COLUMNS = 30


@dataclass(frozen=True)
class Point:
    """One format at one quality: bits for a pixel, and the peak signal-to-noise ratio in dB."""

    quality: str
    bits: float
    psnr: float


def write_codec_report(
    run: TrainedModel, pieces: list[Samples], made: Compressed, coder: BlockCoder, path: str | Path
) -> Path:
    """Write the page about samples that were compressed, whole or not at all, and return its path.

    pieces: some of the samples. made: the result for all of them. coder: what compressed them.
    """
    sections = [_where(pieces, coder)]
    tables, verdict = [_sizes(pieces, made)], _lossless_verdict(pieces, made)
    if _comparable(pieces):
        curves = {
            "model": _own_curve(coder.model, pieces),
            **{name: _peer_curve(pieces, name) for name in ("JPEG", "WebP")},
        }
        sections.append(_rates(curves))
        sections += _crops(coder.model, pieces)
        tables.append(_points(curves))
        if made.method in ("picture", "code"):
            verdict = _lossy_verdict(curves)
    around = environment()
    command = str(around.pop("command") or "")
    page = fill_page(
        "study.html",
        title="codec",
        verdict=verdict,
        explanation=f"{made.samples:,} samples in {made.bytes:,} bytes; the model, which the receiver needs as well, "
        f"has {made.model:,}.",
        sections=sections,
        caption="Bytes include headers. Bits for a pixel count each place of a picture once, whatever its channels. "
        "PSNR: of the mean squared error over all numbers of a picture, the mean over pictures.",
        tables=tables,
        failures={},
        settings_title="The file",
        source=Path(made.path).name,
        data_facts=data_facts(run.description) if run.description else {},
        settings=flat({"method": made.method, "blocks": made.blocks}),
        environment=flat(around),
        command=command if command.startswith("isthmus") else "",
    )
    path = Path(path)
    write_whole(path, lambda beside: beside.write_text(page, encoding="utf-8", newline="\n"))
    return path


def _comparable(pieces: list[Samples]) -> bool:
    """Whether other formats for pictures can take these."""
    return all(piece.dtype == "uint8" and len(piece.shape) == 3 and piece.shape[0] in (1, 3) for piece in pieces)


def _lossless_verdict(pieces: list[Samples], made: Compressed) -> str:
    rivals = _lossless_rivals(pieces)
    own = made.bytes / made.samples
    best = min(rivals, key=lambda name: rivals[name])
    share = 1 - own / rivals[best]
    than = f"{abs(share):.0%} {'smaller' if share >= 0 else 'larger'} than {best}'s"
    return f"{made.bits_per_dimension:.3g} bits for a number: {than}, the best of the others."


def _lossy_verdict(curves: dict[str, list[Point]]) -> str:
    middle = curves["model"][len(curves["model"]) // 2]
    rival = _at_psnr(curves["JPEG"], middle.psnr)
    if rival is None:
        return f"{middle.bits:.2g} bits for a pixel at {middle.psnr:.1f} dB."
    share = 1 - middle.bits / rival
    than = f"{abs(share):.0%} {'fewer' if share >= 0 else 'more'} than JPEG at the same error"
    return f"{middle.bits:.2g} bits for a pixel at {middle.psnr:.1f} dB: {than}."


def _at_psnr(curve: list[Point], psnr: float) -> float | None:
    """The bits at which a curve reaches this PSNR, straight between its points in the logarithm of bits."""
    quality, bits = [point.psnr for point in curve], [math.log(point.bits) for point in curve]
    if not min(quality) <= psnr <= max(quality):
        return None
    order = np.argsort(quality)
    return math.exp(float(np.interp(psnr, np.array(quality)[order], np.array(bits)[order])))


def _sizes(pieces: list[Samples], made: Compressed) -> dict[str, Any]:
    """Bytes for a sample, beside lossless formats."""
    each = made.bytes / made.samples
    rows = [{"cells": [f"this file ({made.method})", f"{each:,.1f}", f"{made.bits_per_dimension:.4g}"], "chosen": True}]
    numbers = made.numbers / made.samples
    for name, size in _lossless_rivals(pieces).items():
        rows.append({"cells": [f"{name}, lossless", f"{size:,.1f}", f"{8 * size / numbers:.4g}"], "chosen": False})
    if made.elbo is not None:
        rows.append({"cells": ["the model's negative ELBO", "", f"{made.elbo:.4g}"], "chosen": False})
    return {"title": "Bytes for a sample", "head": ["", "bytes", "bits for a number"], "rows": rows}


def _lossless_rivals(pieces: list[Samples]) -> dict[str, float]:
    """Bytes for a sample in other formats: xz of all samples together, PNG and WebP of each picture."""
    count = sum(map(len, pieces))
    raw = b"".join(np.ascontiguousarray(piece.tensor().numpy()).tobytes() for piece in pieces)
    sizes = {"xz": len(lzma.compress(raw, preset=6)) / count}
    if _comparable(pieces):
        for name, options in (("PNG", {"optimize": True}), ("WebP", {"lossless": True, "method": 4})):
            sizes[name] = sum(len(_saved(one, name, **options)) for one in _each(pieces)) / count
    return sizes


def _own_curve(model: ExactModel, pieces: list[Samples]) -> list[Point]:
    points = []
    for quality in QUALITIES:
        size = pixels = 0
        psnrs = []
        for piece in pieces:
            content, decoded = _coded(model, piece, quality)
            size += len(content)
            pixels += len(piece) * math.prod(piece.shape[1:])
            psnrs += [_psnr(one, two) for one, two in zip(piece.tensor(), decoded, strict=True)]
        points.append(Point(f"{quality:g}", 8 * size / pixels, float(np.mean(psnrs))))
    return points


def _coded(model: ExactModel, piece: Samples, quality: float) -> tuple[bytes, Tensor]:
    """A piece at a quality, as bytes and decoded."""
    coder = BlockCoder(model, piece.kind, piece.dtype, methods_for(model, False, quality, None))
    content, _ = coder.encode(replace(piece, names=()))
    return content, coder.decode(content, len(piece)).tensor()


def _peer_curve(pieces: list[Samples], name: str) -> list[Point]:
    points = []
    for quality in PEER_QUALITIES:
        size = pixels = 0
        psnrs = []
        for picture in _each(pieces):
            content = _saved(picture, name, quality=quality)
            size += len(content)
            pixels += math.prod(picture.shape[1:])
            psnrs.append(_psnr(picture, _opened(content, len(picture))))
        points.append(Point(str(quality), 8 * size / pixels, float(np.mean(psnrs))))
    return points


def _rates(curves: dict[str, list[Point]]) -> Section:
    def draw(theme: Any) -> Any:
        lines = {
            name: ([point.bits for point in curve], [point.psnr for point in curve], [0.0] * len(curve))
            for name, curve in curves.items()
        }
        return studies.curves(lines, across="bits for a pixel", up="PSNR in dB", log=False, sizes=False, theme=theme)

    told = "; ".join(
        f"{name}: " + ", ".join(f"{point.psnr:.1f} dB at {point.bits:.2g}" for point in curve)
        for name, curve in curves.items()
    )
    return Section(
        "Rate and error",
        [plate("Rate and error", draw, told, "Higher and further left is better. Each line is one format.")],
    )


def _points(curves: dict[str, list[Point]]) -> dict[str, Any]:
    rows = [
        {
            "cells": [f"{name}, quality {point.quality}", f"{point.bits:.3f}", f"{point.psnr:.2f}"],
            "chosen": name == "model",
        }
        for name, curve in curves.items()
        for point in curve
    ]
    return {"title": "Rate and error", "head": ["", "bits for a pixel", "PSNR"], "rows": rows}


def _where(pieces: list[Samples], coder: BlockCoder) -> Section:
    """Where the bits go: in each picture, or in each column of a table."""
    samples = pieces[0].some(SHOWN)
    bits = coder.bits(samples)
    if len(samples.shape) != 3:
        return _by_column(samples, bits)
    values = samples.tensor().float()
    heat = F.interpolate(bits.float()[:, None], size=values.shape[2:], mode="nearest")
    heat = heat * (bits[0].numel() / heat[0, 0].numel())
    if max(values.shape[2:]) > 4 * CROP:
        smaller = [max(1, side * 4 * CROP // max(values.shape[2:])) for side in values.shape[2:]]
        values, heat = (F.interpolate(one, size=smaller, mode="area") for one in (values, heat))
    most = float(heat.max())
    caption = f"Bright places take most bits, up to {most:.2g} for a pixel; dark places take none."
    return Section(
        "Where the bits go",
        [
            plate(
                "Bits of each pixel",
                lambda theme: bit_maps(values, heat, theme=theme),
                f"Maps of {len(values)} pictures. The mean is {float(heat.mean()):.2g} bits for a pixel.",
                caption,
            )
        ],
    )


def _by_column(samples: Samples, bits: Tensor) -> Section:
    means = bits.flatten(1).double().mean(0)
    names = samples.columns or tuple(f"number {place + 1}" for place in range(len(means)))
    order = means.argsort(descending=True)[:MOST_COLUMNS].tolist()
    values = {str(names[place]): float(means[place]) for place in order}
    told = ", ".join(f"{name} {value:.2g}" for name, value in list(values.items())[:5])
    return Section(
        "Where the bits go",
        [
            plate(
                "Bits of each column",
                lambda theme: bars(values, limit=None, label="bits for a cell", theme=theme),
                f"Bits for a cell: {told}.",
                "The columns that the model predicts worst take most bits.",
            )
        ],
    )


def _crops(model: ExactModel, pieces: list[Samples]) -> list[Section]:
    """Crops of pictures at the same number of bytes in each format."""
    chosen = [piece for piece in pieces if min(piece.shape[1:]) >= CROP][:SHOWN]
    if not chosen:
        return []
    rows: dict[str, list[Tensor]] = {"original": [], "this codec": [], "WebP": [], "JPEG": []}
    captions = []
    for piece in chosen:
        one = piece.take([0])
        picture = one.tensor()[0]
        content, decoded = _coded(model, one, 35.0)
        made = {"original": picture, "this codec": decoded[0]}
        made |= {name: _opened(_of_size(picture, name, len(content)), len(picture)) for name in ("WebP", "JPEG")}
        top, left = _busiest(picture)
        for name, whole in made.items():
            rows[name].append(whole[:, top : top + CROP, left : left + CROP].float() / 255)
        captions.append(f"{len(content):,} bytes")
    boards = {name: torch.stack(crops) for name, crops in rows.items()}
    return [
        Section(
            "Crops at equal bytes",
            [
                plate(
                    "Crops",
                    lambda theme: figures.picture_grid(boards, captions=captions, theme=theme),
                    f"{len(chosen)} crops of {CROP} pixels in each format.",
                    "Each column is one picture, in files of the same size. Every format has its own quality for that.",
                )
            ],
        )
    ]


def _busiest(picture: Tensor) -> tuple[int, int]:
    """Top and left of the crop with the most detail."""
    grey = picture.float().mean(0)[None, None]
    edges = (grey[..., 1:, 1:] - grey[..., :-1, :-1]).abs()
    step = CROP // 4
    sums = F.avg_pool2d(edges, min(CROP - 1, *edges.shape[2:]), stride=step)[0, 0]
    place = int(sums.argmax())
    return step * (place // sums.shape[1]), step * (place % sums.shape[1])


def _of_size(picture: Tensor, name: str, size: int) -> bytes:
    """A picture in the best quality that takes at most so many bytes; the worst if none does."""
    low, high = 0, 100
    best = _saved(picture, name, quality=1)
    while high - low > 1:
        middle = (low + high) // 2
        content = _saved(picture, name, quality=middle)
        if len(content) <= size:
            low, best = middle, content
        else:
            high = middle
    return best


def _each(pieces: list[Samples]) -> list[Tensor]:
    return [picture for piece in pieces for picture in piece.tensor()]


def _saved(picture: Tensor, name: str, **options: Any) -> bytes:
    """A (C, H, W) uint8 picture as a file's bytes."""
    values = picture[0].numpy() if len(picture) == 1 else picture.permute(1, 2, 0).contiguous().numpy()
    best: dict[str, dict[str, Any]] = {"JPEG": {"optimize": True}, "WebP": {"method": 6}}
    file = io.BytesIO()
    Image.fromarray(values).save(file, name, **{**best.get(name, {}), **options})
    return file.getvalue()


def _opened(content: bytes, channels: int) -> Tensor:
    """The inverse of `_saved`."""
    image = Image.open(io.BytesIO(content)).convert("L" if channels == 1 else "RGB")
    values = torch.from_numpy(np.array(image))
    return values[None] if channels == 1 else values.permute(2, 0, 1)


def _psnr(one: Tensor, other: Tensor) -> float:
    """In dB, of uint8 pictures; 99 if they are equal."""
    error = float((one.double() - other.double()).square().mean())
    return 10 * math.log10(255**2 / error) if error > 0 else 99.0
