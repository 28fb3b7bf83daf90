"""Animations: samples that turn into one another, as a GIF."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from isthmus.drawing.figures import displayable, short_name
from isthmus.drawing.look import Look
from isthmus.drawing.rows import category_names, column_lines, name_points
from isthmus.drawing.theme import LIGHT, drawing, sheet
from isthmus.storage.files import write_whole

SIDE = 120
"""The least number of pixels of a picture's longer side."""

GAP = 12
STEP, REST = 60, 700
"""Milliseconds of a frame, and of the first and last frame."""


def animation(rows: Mapping[str, Tensor], look: Look) -> list[Image.Image]:
    """One frame for each sample; the rows, (n, *shape) raw, stand side by side under their names."""
    if look.pictured:
        return _of_pictures(*look.pictures(rows))
    scaled = {name: look.scaled(samples) for name, samples in rows.items()}
    return _of_lines(scaled, {name: category_names(samples, look) for name, samples in rows.items()}, look)


def write_gif(path: str | Path, frames: Sequence[Image.Image]) -> Path:
    """Write frames as a GIF that runs forwards and back in a loop, whole or not at all; returns the path."""
    there_and_back = [*frames, *frames[-2:0:-1]]
    ends = (0, len(frames) - 1)
    durations = [REST if i in ends else STEP for i in range(len(there_and_back))]
    # one palette for all frames: Pillow's own palette per frame makes the colours flicker
    palette = _side_by_side(frames).quantize(128, dither=Image.Dither.NONE)
    few = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in there_and_back]
    write_whole(
        path,
        lambda beside: few[0].save(
            beside, format="gif", save_all=True, append_images=few[1:], duration=durations, loop=0, optimize=True
        ),
    )
    return Path(path)


def _of_pictures(scaled: Mapping[str, Tensor], bounds: tuple[float, float]) -> list[Image.Image]:
    boards = {name: displayable(samples, bounds) for name, samples in scaled.items()}
    count, height, width = next(iter(boards.values())).shape[:3]
    times = max(1, -(-SIDE // max(height, width)))
    height, width = height * times, width * times
    font = ImageFont.load_default(13)
    frames = []
    for step in range(count):
        frame = Image.new("RGB", (len(boards) * (width + GAP) + GAP, height + 2 * GAP + 16), "white")
        pen = ImageDraw.Draw(frame)
        for place, (name, board) in enumerate(boards.items()):
            picture = Image.fromarray(np.rint(board[step] * 255).astype(np.uint8), "RGBA")
            left = GAP + place * (width + GAP)
            frame.paste(picture.resize((width, height), Image.Resampling.NEAREST).convert("RGB"), (left, GAP + 16))
            pen.text((left, 6), name, fill="black", font=font)
        frames.append(frame)
    return frames


def _of_lines(scaled: Mapping[str, Tensor], categories: Mapping[str, Sequence[str]], look: Look) -> list[Image.Image]:
    lines, names = column_lines(scaled, look)
    every = np.concatenate(list(lines.values()))
    low, high = (np.nanmin(every), np.nanmax(every)) if every.size else (0.0, 1.0)
    margin = 0.05 * (high - low) + 1e-6
    frames = []
    with drawing(LIGHT):
        figure = sheet(3.2 * len(lines), 2.4 if names else 2.0)
        figure.set_facecolor("white")
        figure.set_dpi(80)
        panels = figure.subplots(1, len(lines), sharey=True, squeeze=False)[0]
        drawn = []
        for axes, samples in zip(panels, lines.values(), strict=True):
            drawn.append(axes.plot(samples[0], color=LIGHT.rivals["model"], marker="o" if names else None)[0])
            axes.set(ylim=(low - margin, high + margin))
            name_points(axes, names)
        canvas = cast(FigureCanvasAgg, figure.canvas)
        for step in range(len(next(iter(lines.values())))):
            for axes, line, (name, samples) in zip(panels, drawn, lines.items(), strict=True):
                line.set_ydata(samples[step])
                told = categories[name][step]
                axes.set_title(short_name(f"{name}: {told}" if told else name, 48), loc="left", fontsize=9)
            canvas.draw()
            frames.append(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))
    return frames


def _side_by_side(frames: Sequence[Image.Image]) -> Image.Image:
    """Some of the frames in one picture, to choose a palette from."""
    chosen = frames[:: max(1, len(frames) // 8)]
    width, height = chosen[0].size
    every = Image.new("RGB", (width * len(chosen), height))
    for place, frame in enumerate(chosen):
        every.paste(frame, (place * width, 0))
    return every
