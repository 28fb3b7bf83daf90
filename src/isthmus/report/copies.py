"""Copies: samples and their reconstructions by a run, in one figure."""

from typing import Any

from matplotlib.figure import Figure

from isthmus.data.samples import Samples
from isthmus.drawing import figures
from isthmus.drawing.look import Look
from isthmus.drawing.texts import text_rows
from isthmus.errors import UseError
from isthmus.report.looks import SHOWN
from isthmus.trained import TrainedModel
from isthmus.uses.restore import restoration


def draw_copies(run: TrainedModel, source: Any = None, most: int | None = None, **read_options: Any) -> Figure:
    """See `Run.draw`."""
    samples = _chief(run) if source is None else run.read(source, **read_options)
    few = samples.some(most or SHOWN[samples.kind])
    if samples.kind == "table":
        found = run.evaluation(samples)
        return figures.column_bars(found.columns[found.chief_part], samples.columns)
    if run.model.restores:
        try:
            return restoration(run, few).draw(most=len(few))
        except UseError:  # neither pictures nor sound
            pass
    look = Look.of(run)
    rows = {"original": few.tensor(), "model": run.reconstruct(few)}
    if samples.kind == "tokens" and look.medium is not None and not look.pictured:
        words = {name: look.medium.words(tokens) for name, tokens in rows.items()}
        pairs = [text for pair in zip(*words.values(), strict=True) for text in pair]
        return text_rows({"original and reconstruction": pairs})
    if look.pictured:
        pictures, bounds = look.pictures(rows)
        return figures.picture_grid(pictures, bounds=bounds)
    return figures.series_lines(rows)


def _chief(run: TrainedModel) -> Samples:
    """The test part, or validation, or train."""
    data = run.open()
    return next(part for part in (data.test, data.validation, data.train) if len(part))
