"""Latents: how often each latent dimension is active, and the samples that activate it most."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from isthmus.data.samples import Samples, inference_batch_size
from isthmus.drawing.look import Look
from isthmus.errors import UseError
from isthmus.formatting import number, percent
from isthmus.model.shape_checks import max_width
from isthmus.parts import Pairs
from isthmus.parts.model import eval_mode
from isthmus.shown import Card, Page, Shown
from isthmus.trained import TrainedModel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from isthmus.drawing.theme import Theme

MOST_SHOWN = 200
"""Latent dimensions on a page, unless you ask for others."""
CELLS = 6
"""Numbers of a sample without a name that a page shows."""


@dataclass(frozen=True, repr=False)
class Latents(Shown):
    """What the latent dimensions of a model do on some samples; `latents` returns it.

    l0: the mean number of active dimensions of a sample. explained: the share of the variance that the reconstructions
    explain. dead: the share of the dimensions that no sample activates. density: (K,) the share of the samples that
    activate each dimension. mean, largest: (K,) its mean when it is active, and its largest value; 0 for dead ones.
    top: (K, n) the samples that activate it most, from the most; -1 where there are fewer. values: (K, n) their
    activations. samples: those that were encoded. look: how they are shown; None for numbers.
    """

    l0: float
    explained: float
    dead: float
    density: Tensor
    mean: Tensor
    largest: Tensor
    top: Tensor
    values: Tensor
    samples: Samples = field(repr=False)
    source: str = ""
    look: Look | None = field(default=None, repr=False)

    def _card(self) -> Card:
        words = f"{len(self.density):,} latent dimensions, {number(self.l0)} active for each sample"
        return Card(words, self.facts(), figures=(self.draw,))

    def facts(self) -> dict[str, str]:
        """The figures of all dimensions together, in words."""
        return {
            "samples": f"{len(self.samples):,}",
            "active dimensions of a sample (L0)": number(self.l0),
            "variance explained": percent(self.explained, 1),
            "dead dimensions": percent(self.dead, 1),
            "median density": percent(float(self.density.median()), 2),
        }

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON data; densities and top samples by dimension."""
        return {
            "samples": len(self.samples),
            "l0": self.l0,
            "variance_explained": self.explained,
            "dead": self.dead,
            "density": self.density.tolist(),
            "top": [[place for place in row if place >= 0] for row in self.top.tolist()],
        }

    def draw(self, theme: "Theme | None" = None) -> "Figure":
        """A histogram of log10 of the densities."""
        from isthmus.drawing.densities import density_histogram  # noqa: PLC0415 Matplotlib takes half a second
        from isthmus.drawing.theme import LIGHT  # noqa: PLC0415

        return density_histogram(self.density.numpy(), theme=theme or LIGHT)

    def page(
        self,
        path: str | Path,
        describe: Callable[[int], str] | None = None,
        which: Sequence[int] | None = None,
    ) -> Page:
        """Write a page with the densities and, for each dimension, the samples that activate it most.

            found.page("latents.html", lambda row: tokens[row])

        Pictures are shown as thumbnails.

        describe: the words for a sample, by its number, such as a token with its context; by default its name, its
            text, or its first numbers. which: the dimensions; by default the `MOST_SHOWN` most active ones.

        Raises:
            IsthmusError: the path can't be written to.
        """
        from isthmus.drawing.pages import fill_page, write_page  # noqa: PLC0415
        from isthmus.drawing.plates import Section, plate  # noqa: PLC0415

        told = describe or self._told
        order = self.density.argsort(descending=True, stable=True).tolist() if which is None else list(which)
        shown = [place for place in order if which is not None or self.density[place] > 0]
        shown = shown if which is not None else shown[:MOST_SHOWN]
        pictures = self._pictures(self.top[shown])
        rows = [
            {
                "name": place,
                "facts": (percent(float(self.density[place]), 2), number(float(self.mean[place]))),
                "examples": [
                    (told(row), number(value), pictures.get(row, ""))
                    for row, value in zip(self.top[place].tolist(), self.values[place].tolist(), strict=True)
                    if row >= 0
                ],
            }
            for place in shown
        ]
        caption = "How many latent dimensions are active for how large a share of the samples. Dead ones are left out."
        density = plate("Feature density", self.draw, "A histogram of log10 densities.", caption)
        page = fill_page(
            "latents.html",
            source=self.source,
            facts=self.facts(),
            rows=rows,
            hidden=len(self.density) - len(rows),
            hidden_why="" if which is not None else ": they are dead or less active",
            sections=[Section("Density", [density])],
        )
        return write_page(path, page)

    def _told(self, row: int) -> str:
        if self.samples.names:
            return self.samples.names[row]
        medium, sample = self.samples.medium, self.samples[row : row + 1].tensor()
        if medium is not None and self.samples.kind == "tokens":
            return medium.words(sample)[0]
        if self.look is not None and self.look.pictured:
            return f"sample {row}"
        cells = ", ".join(self._cell(place, value) for place, value in enumerate(sample.flatten().tolist()[:CELLS]))
        return f"sample {row}: {cells}{', …' if sample.numel() > CELLS else ''}"

    def _cell(self, place: int, value: float) -> str:
        """A number of a sample, after the name of its column if it has one."""
        if self.look is None or not self.look.columns:
            return number(value)
        told = self.look.told(place, value)
        return f"{self.look.columns[place]} {told if isinstance(told, str) else number(told)}"

    def _pictures(self, top: Tensor) -> dict[int, str]:
        """The thumbnails of these samples as addresses of pictures; none if they aren't pictures."""
        rows = sorted(set(top[top >= 0].tolist()))
        if self.look is None or not self.look.pictured or not rows:
            return {}
        from isthmus.drawing.maps import thumbnails  # noqa: PLC0415 Matplotlib takes half a second
        from isthmus.drawing.plates import address  # noqa: PLC0415

        shown = (255 * thumbnails(self.samples.take(rows), self.look)).round().astype("uint8")
        return {row: address(picture) for row, picture in zip(rows, shown, strict=True)}


def latents(run: TrainedModel, source: Any = "test", *, top: int = 10, **read_options: Any) -> Latents:
    """How often each latent dimension of a run is active, and which samples activate it most.

        found = ist.latents(run, "test")
        print(found.l0, found.explained, found.dead)
        found.page("latents.html")

    Meant for sparse codes, whose inactive dimensions are exactly 0; an activation counts by its magnitude.

    source: a part of the run's data, or anything that `open_data` reads. top: how many samples to keep for each
    dimension. read_options: how to read the source, as for `run.encode`.

    Raises:
        UseError: there are no samples.
        DataError: the source can't be read, or doesn't fit the model.
    """
    parts = ("train", "validation", "test")
    whole = isinstance(source, str) and source in parts and not read_options
    samples = getattr(run.open(), source) if whole else run.read(source, **read_options)
    if not len(samples):
        raise UseError(f"There are no samples in {source!r:.60}, so no latent dimension can be active. Choose others.")
    model, size = run.model, torch.Size(run.model.code_shape).numel()
    counts, sums = torch.zeros(size, dtype=torch.float64), torch.zeros(size, dtype=torch.float64)
    top = min(top, len(samples))
    values, rows = torch.zeros(size, top), torch.full((size, top), -1)
    error = mean = spread = torch.zeros((), dtype=torch.float64)
    done = 0
    with eval_mode(model):
        for places in torch.arange(len(samples)).split(inference_batch_size(max_width(model))):
            raw, given = samples.batch(places), _given(run, samples, places)
            z = model.encode(given, None if samples.labels is None else samples.labels[places])
            made = model.reconstruct(given) if not model.decodes else model.decode(z)
            flat = z.flatten(1).abs().float().cpu()
            counts += (flat != 0).sum(0)
            sums += flat.double().sum(0)
            best = torch.cat([values, flat.T], 1).topk(top, dim=1)
            numbers = torch.cat([rows, places.expand(size, -1)], 1).gather(1, best.indices)
            values, rows = best.values, torch.where(best.values > 0, numbers, -1)
            target = raw.double().flatten(1).cpu()
            error = error + (made.double().flatten(1).cpu() - target).square().sum()
            centre = target.mean(0)  # Chan's update of the sums of squares
            apart = centre - mean
            spread = spread + (target - centre).square().sum()
            spread = spread + (apart.square() * (done * len(target) / (done + len(target)))).sum()
            mean = mean + apart * len(target) / (done + len(target))
            done += len(target)
    density = counts / done
    return Latents(
        l0=float(counts.sum() / done),
        explained=1 - float(error) / float(spread) if float(spread) else float("nan"),
        dead=float((counts == 0).double().mean()),
        density=density,
        mean=sums / counts.clamp(min=1),
        largest=values[:, 0].double(),
        top=rows,
        values=values,
        samples=samples,
        source=str(source) if isinstance(source, str | Path) else "",
        look=Look.of(run),
    )


def _given(run: TrainedModel, samples: Samples, places: Tensor) -> Tensor:
    """The encoder's samples: the inputs of data in pairs."""
    if isinstance(run.model.corruption, Pairs) and samples.damaged is not None:
        return samples.damaged[places]
    return samples.batch(places)
