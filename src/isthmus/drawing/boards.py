"""Boards: samples as they are, of any kind: pictures and series side by side, texts, columns of a table."""

import numpy as np
import torch
from matplotlib.figure import Figure

from isthmus.data.media.sound import Sound
from isthmus.data.samples import Samples, spread
from isthmus.drawing.columns import Panel, column_panels
from isthmus.drawing.draws import picture_board, series_board
from isthmus.drawing.figures import short_name
from isthmus.drawing.texts import text_rows
from isthmus.drawing.theme import LIGHT, Theme

SHOWN = {"pictures": 20, "series": 10, "tokens": 8, "table": 4096}
"""The samples that are drawn by default: of a table, those that its histograms count."""
ACROSS = 10
BINS, BARS = 30, 8


def draw_samples(samples: Samples, most: int | None = None, *, theme: Theme = LIGHT) -> Figure:
    """Some of the samples, evenly spread over the classes if they have labels; of a table, a histogram a column.

    most: the number of samples that are drawn.
    """
    chosen = samples.take(_chosen(samples, SHOWN[samples.kind] if most is None else most))
    captions = [_caption(chosen, place) for place in range(len(chosen))]
    classes = 0 if chosen.labels is None else len(chosen.labels.unique())
    across = classes if 1 < classes <= ACROSS and len(chosen) % classes == 0 else ACROSS
    above = captions[:across] if across == classes or len(chosen) <= across else ()
    medium = chosen.medium
    if medium is not None and medium.pictured:
        pictures = medium.pictures(chosen.tensor())
        return picture_board(pictures, bounds=(0.0, 1.0), across=across, captions=above, theme=theme)
    if chosen.kind == "pictures":
        values = chosen.tensor().float()
        known = values[values.isfinite()]
        bounds = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
        if chosen.dtype == "uint8":
            bounds = (0.0, 255.0)
        return picture_board(values, bounds=bounds, across=across, captions=above, theme=theme)
    if chosen.kind == "series":
        return series_board(chosen.tensor(), captions=captions, across=2 if _is_long(chosen) else 5, theme=theme)
    if chosen.kind == "tokens" and medium is not None:
        return text_rows({"samples": medium.words(chosen.tensor())}, captions=captions, theme=theme)
    return column_panels(_panels(chosen), theme=theme)


def _is_long(samples: Samples) -> bool:
    return isinstance(samples.medium, Sound) or samples.shape[-1] > 200


def _chosen(samples: Samples, most: int) -> torch.Tensor:
    """The numbers of the drawn samples: the first of each class in turn, the second, and so on."""
    labels = samples.labels
    if labels is None or samples.kind == "table" or not 1 < len(present := labels.unique()) <= most:
        return spread(len(samples), most)
    rounds = torch.zeros(len(labels), dtype=torch.int64)
    for label in present:
        here = (labels == label).nonzero()[:, 0]
        rounds[here] = torch.arange(len(here))
    whole = most // len(present) * len(present)  # so that each class has a column
    return (rounds * (int(present.max()) + 1) + labels).sort(stable=True).indices[:whole]


def _caption(samples: Samples, place: int) -> str:
    if samples.labels is not None:
        label = int(samples.labels[place])
        return short_name(samples.label_names[label] if 0 <= label < len(samples.label_names) else str(label), 12)
    return short_name(samples.names[place], 12) if samples.names else ""


def _panels(samples: Samples) -> list[Panel]:
    values = samples.tensor().flatten(1).double().numpy()
    names = samples.columns or tuple(f"column {place + 1}" for place in range(values.shape[1]))
    panels: list[Panel] = []
    for place, name in enumerate(names):
        own, called = values[:, place], samples.categories[place] if samples.categories else ()
        known = own[np.isfinite(own)]
        missing = len(own) - len(known)
        if called:
            counts = np.bincount(known.astype(np.int64).clip(0, len(called) - 1), minlength=len(called))
            order = np.argsort(-counts, kind="stable")[:BARS]
            shown = tuple(called[each] for each in order)
            panels.append((name, "category", tuple(counts[order].tolist()), None, shown, missing))
        elif len(known):
            low, high = (float(bound) for bound in np.quantile(known, (0.01, 0.99)))
            low, high = (low, high) if high > low else (low - 0.5, low + 0.5)
            counts = np.histogram(known, BINS, (low, high))[0]
            panels.append((name, "number", tuple(counts.tolist()), (low, high), (), missing))
    return panels
