"""Mapping: a picture of the data by their codes, its quality, and decoded positions between the samples."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from isthmus.data.samples import Samples, spread
from isthmus.drawing.look import Look
from isthmus.drawing.maps import Colouring, Plane, draw_map
from isthmus.drawing.plates import Section, plate
from isthmus.drawing.theme import LIGHT, Theme
from isthmus.errors import DataError, UseError, nearest
from isthmus.formatting import number, percent
from isthmus.measures.maps import MapQuality, map_quality
from isthmus.measures.passes import passes
from isthmus.parts.model import eval_mode
from isthmus.pca import principal_components
from isthmus.shown import Card, Page, Shown, Table
from isthmus.trained import TrainedModel
from isthmus.uses.arguments import MOST_STEPS, check_continuous, takes_run
from isthmus.uses.map_page import write_page
from isthmus.uses.projections import Projection, Way, project
from isthmus.uses.scores import batch_size, elements_of

MOST = 2000
"""Samples on a map by default."""
JUDGED = 3000
"""The most samples that measure a map's quality: the memory needed grows with their square."""
ALIKE = 0.01
"""Two maps are equally good if their trustworthiness, or k-NN accuracy, differs by no more than this."""
ACROSS = 12
"""Positions of the decoded plane along each side."""
WAYS = {"code": "as they are", "pca": "by PCA", "tsne": "by t-SNE", "umap": "by UMAP"}
MOST_COLOURINGS = 60
"""Columns of a table that can colour a map."""
NOT_ASKED = "not asked for"


@dataclass(frozen=True, eq=False, repr=False)
class CodeMap(Shown):
    """Samples as points of a plane, by their codes.

    samples: the N samples on the map. rows: (N,) their numbers in the source. source: its name. projection: the
    position of each, and the method. quality: trustworthiness and k-NN accuracy of this map. beside: the same for the
    plane of the data's own first two principal components. plane: decoded positions of the map; None if they can't be
    decoded. why_no_plane: the reason; "" if there is a plane. values: name → (N,) numbers that can colour the samples:
    their reconstruction error, and those that were given.
    """

    source: str
    samples: Samples
    rows: Tensor
    projection: Projection
    quality: MapQuality
    beside: MapQuality
    plane: Plane | None
    why_no_plane: str
    look: Look
    values: Mapping[str, Tensor] = field(default_factory=dict, repr=False)

    @property
    def points(self) -> Tensor:
        """(N, 2) where each sample is drawn; codes with one latent dimension are spread out by label, to stay apart."""
        points = self.projection.points
        if points.shape[1] == 2:
            return points
        row = torch.zeros(len(points)) if self.samples.labels is None else self.samples.labels.float()
        apart = torch.rand(len(points), generator=torch.Generator().manual_seed(0)) - 0.5
        return torch.stack((points[:, 0], row + 0.7 * apart), 1)

    @property
    def axes(self) -> tuple[str, str]:
        """The names of the axes."""
        named = self.projection.axes
        if len(named) == 2:
            return named[0], named[1]
        return named[0], "label" if self.samples.labels is not None else "random spread, for legibility"

    def to_json(self) -> dict[str, Any]:
        """The quality of the map, and the position of each sample."""
        labels, names = self.samples.labels, self.samples.label_names
        told = None if labels is None else [names[i] if i < len(names) else str(i) for i in labels.tolist()]
        return {
            "source": self.source,
            "way": self.projection.way,
            "axes": list(self.axes),
            "quality": {"map": self.quality._asdict(), "pca": self.beside._asdict()},
            "plane": self.why_no_plane or "decoded",
            "rows": self.rows.tolist(),
            "points": self.projection.points.tolist(),
            "labels": told,
        }

    def _card(self) -> Card:
        rows = [
            [name, number(ours), number(theirs)]
            for name, ours, theirs in zip(("trustworthiness", "k-NN accuracy"), self.quality, self.beside, strict=True)
            if ours is not None
        ]
        words = f"{len(self.rows):,} samples ({self.source}) by their codes, {WAYS.get(self.projection.way, '')}"
        caption = behind_words(self)
        table = Table(("quality", "this map", "PCA of the data"), rows, caption)
        return Card(words, tables=[table], figures=(self.draw,))

    def draw(self, theme: Theme = LIGHT, *, by: str | None = None) -> Figure:
        """The map with labels and, for pictures, thumbnails; next to it the decoded plane.

        by: colour the samples by these numbers instead: a column of a table, "error", or a name of `values`.

        Raises:
            UseError: there are no such numbers.
        """
        known = {one.name: one for one in self.colourings}
        if by is not None and by not in known:
            raise UseError(f"by={by!r}: the map has no such numbers. {nearest(by, known)}")
        chosen = None if by is None else known[by]
        return draw_map(self.points, self.samples, self.axes, self.look, self.plane, colouring=chosen, theme=theme)

    @property
    def colourings(self) -> list[Colouring]:
        """All that can colour the samples: the numbers in `values`, and the columns of a table."""
        found = [Colouring(name, values.double()) for name, values in self.values.items()]
        if self.samples.kind != "table":
            return found
        rows = self.samples.tensor().flatten(1).double()
        columns = self.samples.columns or tuple(f"column {place + 1}" for place in range(rows.shape[1]))
        categories = self.samples.categories or ((),) * len(columns)
        return found + [
            Colouring(name, rows[:, place], categories[place]) for place, name in enumerate(columns[:MOST_COLOURINGS])
        ]

    def write_page(self, path: str | Path) -> Page:
        """Write the map as a self-contained interactive page, and return its path."""
        return write_page(
            path,
            self.points,
            self.samples,
            self.rows,
            self.look,
            plane=self.plane,
            source=self.source,
            axes=self.axes,
            words=quality_words(self),
            colourings=self.colourings,
            note="" if self.why_no_plane == NOT_ASKED else self.why_no_plane,
        )


@takes_run
def map_codes(
    run: TrainedModel,
    source: Any = None,
    *,
    way: Way = "auto",
    part: str | None = None,
    most: int = MOST,
    across: int = ACROSS,
    seed: int = 0,
    values: Mapping[str, Any] | None = None,
    **read_options: Any,
) -> CodeMap:
    """A map of samples by their codes.

        found = map_codes(run, way="tsne")
        found.quality, found.beside          # trustworthiness and k-NN accuracy, this map's and PCA's
        found.draw().savefig("map.png"); found.write_page("map.html")
        found.draw(by="error")               # coloured by the reconstruction error, or by a column of a table

    source: of the samples, as for `Run.encode`. None: a part of the run's own data.
    way: see `isthmus.uses.projections.project`. part: of the run's data or of the source. None: test, if there is one.
    most: samples on the map, evenly spread. across: positions of the decoded plane along each side; 0: no plane.
    seed: of t-SNE and UMAP. values: name → a number for each sample of the source or part, to colour the map by, such
        as `{"score": ist.detect(run, source).scores}`. read_options: how to read the source.

    Raises:
        DataError: the source can't be read, or has fewer than four samples.
        UseError: the code has too many latent dimensions for way="code".
        MissingPackageError: way="umap" needs the extra `map`.
    """
    if source is None:
        parts = run.open().parts
        part = part or next((name for name in ("test", "validation", "train") if len(parts[name]) > 3), "train")
        if part not in parts:
            raise DataError(f"There is no part {part!r}: expected {', '.join(parts)}.")
        samples, called = parts[part], f"{part} part"
    else:
        more = read_options if part is None else read_options | {"part": part}
        samples, called = run.read(source, **more), source if isinstance(source, str) else "given samples"
    rows = spread(len(samples), most)
    codes = run.encode(samples.take(rows)).flatten(1)
    finite = codes.isfinite().all(1)
    rows, codes = rows[finite], codes[finite]
    chosen = samples.take(rows)
    look = Look.of(run)
    found = project(codes, way, seed=seed)
    flat = look.scaled(chosen.tensor()).flatten(1).nan_to_num(0.0)
    rival = principal_components(Samples(flat), Tensor.float, 2).encode(flat)
    plane, why = None, NOT_ASKED
    if not 0 <= across <= MOST_STEPS:
        raise DataError(f"across={across}: expected 0 to {MOST_STEPS:,} positions along each side.")
    if across and samples.kind == "tokens":
        why = "Decoded positions of a map are drawn for pictures, series and tables."
    elif across:
        try:
            plane, why = _plane(run, found, chosen, across), ""
        except UseError as error:
            why = str(error)
    given = {name: _numbers(name, numbers, len(samples))[rows] for name, numbers in (values or {}).items()}
    return CodeMap(
        called,
        chosen,
        rows,
        found,
        _quality(flat, found.points, chosen.labels),
        _quality(flat, rival, chosen.labels),
        plane,
        why,
        look,
        {"error": _errors(run, chosen), **given},
    )


def _errors(run: TrainedModel, samples: Samples) -> Tensor:
    """(N,) the mean over a sample's numbers of its squared error, scaled; of tokens, the nats of each."""
    model = run.model
    with eval_mode(model):
        found = [elements_of(model, out) for out in passes(model, samples, batch_size(model), damage=False)]
    return torch.cat(found).flatten(1).nanmean(1).double()


def _numbers(name: str, given: Any, count: int) -> Tensor:
    """(N,) numbers that the user gave.

    Raises:
        DataError: they are no numbers, or not one for each sample.
    """
    try:
        made = torch.as_tensor(given if isinstance(given, Tensor) else np.asarray(given), dtype=torch.float64).cpu()
    except (TypeError, ValueError) as error:
        raise DataError(f"values[{name!r}] are not numbers: expected one number for each sample.") from error
    if made.shape != (count,):
        raise DataError(
            f"values[{name!r}] have the shape {tuple(made.shape)}: expected ({count},), a number for each sample."
        )
    return made


def section(run: TrainedModel) -> Section | None:
    """The map by the code itself or its principal components, with decoded positions; None for very few samples."""
    if sum(len(part) > 3 for part in run.open().parts.values()) == 0:
        return None
    size = torch.Size(run.model.code_shape).numel()
    try:
        found = map_codes(run, way="code" if size <= 2 else "pca", most=500, across=10)
    except DataError:
        return None  # fewer than four codes are finite
    if found.plane is not None and not bool(found.plane.samples.isfinite().all()):
        return None
    told = quality_words(found)
    drawn = plate(
        "Map",
        found.draw,
        f"{len(found.rows)} samples of the {found.source} as points by their codes, and decoded positions of the map. "
        f"Axes: {'; '.join(found.axes)}.",
        f"{len(found.rows)} samples of the {found.source} by their codes" + (
            ", and decoded positions of the same map." if found.plane else f". {found.why_no_plane}"
        ),
    )  # fmt: skip
    return Section("Map", [drawn], [told])


def quality_words(found: CodeMap) -> str:
    """How far you can trust the map, in words."""
    ours, theirs = found.quality, found.beside
    text = f"Trustworthiness of neighbours: {ours.trustworthiness:.3f} on this map, {theirs.trustworthiness:.3f} on "
    text += "the plane of the data's own first two principal components (PCA)."
    if ours.knn_accuracy is not None and theirs.knn_accuracy is not None:
        text += f" A sample's neighbours predict its label correctly in {percent(ours.knn_accuracy)} of cases here, "
        text += f"and in {percent(theirs.knn_accuracy)} on PCA's plane."
    return f"{text} {behind}" if (behind := behind_words(found)) else text


def behind_words(found: CodeMap) -> str:
    """The measures in which PCA's plane is better, and advice; "" if there are none."""
    ahead: dict[bool, list[str]] = {True: [], False: []}
    for name, ours, theirs in zip(("trustworthiness", "k-NN accuracy"), found.quality, found.beside, strict=True):
        if ours is not None and theirs is not None and abs(theirs - ours) > ALIKE:
            ahead[theirs > ours].append(f"{name} ({max(ours, theirs):.3f} against {min(ours, theirs):.3f})")
    if not ahead[True]:
        return ""
    mine = f"; this map is better in {ahead[False][0]}" if ahead[False] else ""
    by_neighbours = found.projection.way in ("tsne", "umap")
    other = "more latent dimensions, or longer training" if by_neighbours else "t-SNE of the codes (way tsne)"
    return f"PCA's plane is better in {' and '.join(ahead[True])}{mine}. Try {other}."


def _quality(samples: Tensor, points: Tensor, labels: Tensor | None) -> MapQuality:
    """The quality of a map, measured on some of its samples if there are many."""
    rows = spread(len(samples), JUDGED)
    return map_quality(samples[rows], points[rows], None if labels is None else labels[rows])


def _plane(run: TrainedModel, found: Projection, samples: Samples, across: int) -> Plane:
    """A grid of positions over the map, decoded.

    Raises:
        UseError: codes can't be decoded by themselves, or the code is quantised.
    """
    check_continuous(run, "The map shows only the samples.")
    low, high = found.points.amin(0), found.points.amax(0)
    line = found.points.shape[1] == 1
    xs = _middles(float(low[0]), float(high[0]), across)
    ys = torch.zeros(1) if line else _middles(float(low[1]), float(high[1]), across)
    grid = torch.stack(torch.meshgrid(ys, xs, indexing="ij"), -1).flip(-1).flatten(0, 1)
    places = grid[:, :1] if line else grid
    distances, near = torch.cdist(places, found.points).min(1)
    labels = None
    if run.model.conditioning.classes and samples.labels is not None:
        labels = samples.labels[near]
    made = run.decode(found.back(places), labels)
    cell = ((high - low) / across).norm()
    shown = torch.ones(len(places), dtype=torch.bool) if found.exact else distances <= 0.75 * cell
    return Plane(made, shown, len(xs), len(ys), (float(low[0]), float(high[0]), float(low[-1]), float(high[-1])))


def _middles(low: float, high: float, count: int) -> Tensor:
    """(count,) the centres of `count` equal pieces."""
    step = (high - low) / count
    return low + step * (torch.arange(count) + 0.5)
