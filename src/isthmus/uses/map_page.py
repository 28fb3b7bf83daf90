"""The page of a map: you hover over points, zoom, and filter by label; one HTML file, no network."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.drawing.look import Look
from isthmus.drawing.maps import Colouring, Plane, plane_board, thumbnails
from isthmus.drawing.pages import write_page as write_file
from isthmus.drawing.plates import address
from isthmus.drawing.theme import LABELS, LIGHT
from isthmus.formatting import number
from isthmus.plain import plain
from isthmus.shown import Page

STEPS = 60
"""The most points of a series' line on the page."""
CELLS = 10
"""The most columns of a table's row that the page shows."""


def write_page(
    path: str | Path,
    points: Tensor,
    samples: Samples,
    rows: Tensor,
    look: Look,
    *,
    plane: Plane | None = None,
    source: str,
    axes: tuple[str, str],
    words: str,
    note: str = "",
    colourings: Sequence[Colouring] = (),
) -> Page:
    """Write the page, whole or not at all, and return its path.

    The page contains everything that it shows: thumbnails, lines or cells of each sample.

    points: (N, 2) the position of each sample. rows: (N,) their numbers in `source`, which name samples without names.
    plane: decoded positions of the map. words: how far you can trust the map. note: why there is no plane, if you
    asked for one. colourings: numbers that can colour the samples in place of their labels.
    """
    template = Environment(loader=PackageLoader("isthmus.uses"), autoescape=True).get_template("map.html")
    # "<" as JSON's own escape, so that no sample's name can end the script
    data = json.dumps(
        _data(points, samples, rows, look, plane) | {"colourings": list(map(_told, colourings))}, separators=(",", ":")
    ).replace("<", "\\u003c")
    page = template.render(
        title=f"Map of {len(rows):,} samples",
        source=source,
        words=words,
        axes=axes,
        why=note,
        data=data,
    )
    return write_file(path, plain(page))


def _data(points: Tensor, samples: Samples, rows: Tensor, look: Look, plane: Plane | None) -> dict[str, Any]:
    """The data that the page's script draws."""
    labels = [0] * len(samples) if samples.labels is None else samples.labels.tolist()
    present = sorted(set(labels))
    names = [samples.label_names[i] if i < len(samples.label_names) else str(i) for i in present]
    data: dict[str, Any] = {
        "points": [[round(x, 4), round(y, 4)] for x, y in points.tolist()],
        "labels": [present.index(label) for label in labels],
        "names": names if samples.labels is not None else [],
        "colours": [LABELS[i % len(LABELS)] for i in range(len(present))] if samples.labels is not None else [_PLAIN],
        "palette": LABELS,
        "rows": rows.tolist(),
        "called": list(samples.names) or [str(row) for row in rows.tolist()],
    }
    if look.pictured:
        pictures = thumbnails(samples, look)
        across = math.ceil(math.sqrt(len(pictures)))
        height, width = pictures.shape[1:3]
        board = np.zeros((math.ceil(len(pictures) / across) * height, across * width, 4), dtype=np.uint8)
        for i, picture in enumerate(pictures):
            top, left = i // across * height, i % across * width
            board[top : top + height, left : left + width] = np.rint(picture * 255)
        data["sprites"] = {"url": address(board), "across": across, "width": width, "height": height}
        if plane is not None:
            picture = np.rint(plane_board(plane, look) * 255).astype(np.uint8)
            data["plane"] = {"url": address(picture), "extent": list(plane.extent)}
            if plane.down == 1:
                data["plane"]["extent"][2:] = [float(points[:, 1].min()), float(points[:, 1].max())]
    elif look.kind == "series":
        lines = samples.tensor()[:, 0].numpy()
        every = np.unique(np.linspace(0, lines.shape[1] - 1, min(STEPS, lines.shape[1])).round().astype(int))
        data["lines"] = [[None if math.isnan(v) else float(f"{v:.4g}") for v in line] for line in lines[:, every]]
    elif look.kind == "tokens" and look.medium is not None:
        data["texts"] = look.medium.words(samples.tensor())
    else:
        values = samples.tensor().flatten(1)
        columns = list(samples.columns) or [f"column {i + 1}" for i in range(values.shape[1])]
        data["columns"] = columns[:CELLS]
        data["cells"] = [[_cell(v, samples, i) for i, v in enumerate(row[:CELLS])] for row in values.tolist()]
    if look.medium is not None and (notes := look.medium.played(samples.tensor())) is not None:
        data["notes"] = notes
    return data


_PLAIN = LIGHT.rivals["model"]


def _told(one: Colouring) -> dict[str, Any]:
    """A colouring as the page's script needs it."""
    values = [None if not math.isfinite(value) else float(f"{value:.6g}") for value in one.values.tolist()]
    if one.names:
        return {"name": one.name, "values": values, "names": list(one.names)}
    return {"name": one.name, "values": values, "bounds": one.bounds, "ends": [number(bound) for bound in one.bounds]}


def _cell(value: float, samples: Samples, column: int) -> str:
    if math.isnan(value):
        return "missing"
    names = samples.categories[column] if samples.categories else ()
    return names[round(value)] if names and 0 <= round(value) < len(names) else number(value, digits=4)
