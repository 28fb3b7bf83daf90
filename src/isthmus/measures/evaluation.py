"""Evaluation: a model compared with its baseline on each part: PCA of the same size or bits, or n-grams for tokens."""

import importlib
import math
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from isthmus.data.media import Graph, Sound
from isthmus.data.samples import Samples, inference_batch_size
from isthmus.data.stream import Stream
from isthmus.formatting import number, percent
from isthmus.measures import reconstruction as measure
from isthmus.measures.graphs import link_measures
from isthmus.measures.passes import passes
from isthmus.measures.sound import sound_measures
from isthmus.measures.tokens import TokenPart
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.shape_checks import max_width
from isthmus.ngram import NGram
from isthmus.parts.forward_pass import Pass
from isthmus.parts.model import eval_mode
from isthmus.pca import PCA
from isthmus.shown import Card, Shown, Table
from isthmus.threads import shared_cores

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Unit(NamedTuple):
    """A measure's name in words, its unit, and whether larger values are better."""

    title: str
    unit: str
    more_is_better: bool


_UNITS = {
    "sse": Unit("Squared error, summed over a sample", "scaled units²", False),
    "mse": Unit("Squared error, per number", "scaled units²", False),
    "psnr": Unit("Peak signal-to-noise ratio", "dB", True),
    "ssim": Unit("Structural similarity", "1 is exact", True),
    "si_sdr": Unit("Scale-invariant signal-to-distortion ratio", "dB", True),
    "log_spectral_distance": Unit("Log-spectral distance", "dB", False),
    "auc": Unit("Edges above other pairs (AUC)", "share of 1", True),
    "average_precision": Unit("Average precision of edges", "share of 1", True),
    "explained_variance": Unit("Explained variance", "share of 1", True),
    "elbo": Unit("Evidence lower bound", "nats a sample", True),
    "kl": Unit("KL divergence of the code to its prior", "nats a sample", False),
    "bits": Unit("Negative ELBO", "bits a number of the sample", False),
    "nats": Unit("Cross-entropy of the tokens", "nats a token", False),
    "nats_with_code": Unit("Cross-entropy with the code's own cost, the KL", "nats a token", False),
    "wrong": Unit("Wrong tokens, given those before each", "share of 1", False),
    "wrong_from_code": Unit("Wrong tokens, from the code alone", "share of 1", False),
    "exact": Unit("Samples without a wrong token, from the code alone", "share of 1", True),
    "frechet": Unit("Fréchet distance of draws to samples", "scaled units²", False),
}


def unit_of(name: str) -> Unit:
    """The words for a measure, such as "psnr"."""
    return _UNITS.get(name, Unit(name, "", False))


RIVALS = {"model": "model", "pca": "PCA", "mean": "mean", "nothing": "doing nothing"}
"""The names of those that are compared; others, such as "n-gram", are their own name."""


class Measures(Shown, dict[str, Any]):
    """Part → measure → "model", "pca", … → value, a dictionary that shows itself as a table of the chief part.

    The chief part is the test part if there is one, else the validation part, else the first.
    """

    @property
    def chief_part(self) -> str:
        """The part to report."""
        return next((part for part in ("test", "validation") if part in self), next(iter(self), ""))

    def __repr__(self) -> str:
        return str(self) if self else "{}"

    def _card(self) -> Card:
        part = self.chief_part
        if not part:
            return Card("nothing was measured")
        others = [name for name in self if name != part]
        rivals = list(dict.fromkeys(rival for row in self[part].values() for rival in row))
        rows = [
            [
                unit_of(name).title,
                *(_figure(name, row.get(rival)) for rival in rivals),
                *(_figure(name, self[other].get(name, {}).get("model")) for other in others),
                "" if name in SHARES else unit_of(name).unit,
            ]
            for name, row in self[part].items()
        ]
        head = [f"{part} part", *(RIVALS.get(rival, rival) for rival in rivals), *others, "unit"]
        about = f"The columns {' and '.join(others)} are the model on these parts. " if others else ""
        return Card(
            f"errors on the {part} part", tables=[Table(head, rows, f"{about}As numbers: [part][measure][who].")]
        )


SHARES = ("explained_variance",)


def _figure(name: str, value: float | None) -> str:
    return percent(value) if name in SHARES and value is not None else number(value)


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Shown):
    """The results of `evaluate`, for each part.

    For tokens the rivals are an "n-gram" model and the "unigram" in place of "pca" and "mean"; see `TokenPart`.

    measures: part → measure → "model", "pca", "mean" (and "nothing") → value, in scaled space: the mean over the
        samples' values; the explained variance is that of the whole part. Missing numbers don't count. None if a value
        isn't finite or isn't defined (the explained variance of equal samples, the SSIM of pictures with holes).
        A correctly reconstructed category has an error of 0, a wrong one an error of 1; "mean" is then the part's most
        frequent category, and the explained variance is the share of its errors that the model avoids.
    errors: part → "model", "pca" (and "nothing") → (N,) float32, the mean squared error of each sample, in the part's
        order.
    columns: part → "model", "pca", "mean" → (D,) float64, the explained variance of each column; tables only. NaN if
        a column doesn't vary within the part.
    skipped: names of unreadable pictures, if the samples came from a stream.
    """

    measures: dict[str, dict[str, dict[str, float | None]]]
    errors: dict[str, dict[str, Tensor]]
    columns: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    skipped: tuple[str, ...] = ()

    def to_json(self) -> Measures:
        """`{"test": {"sse": {"model": 5.1, "pca": 13.2, "mean": 52.7}, …}, …}`, free of NaN and infinity."""
        made = {part: {name: dict(row) for name, row in rows.items()} for part, rows in self.measures.items()}
        return Measures(made)

    def _card(self) -> Card:
        return replace(self.to_json()._card(), figures=(self.draw,))

    def draw(self) -> "Figure":
        """A histogram of the samples' errors on the chief part, of the model and of what it is compared with."""
        figures = importlib.import_module("isthmus.drawing.figures")  # stands above, and takes half a second
        words = {"what": "share of wrong tokens of a sample"} if self.of_tokens else {}
        errors = self.errors[self.chief_part]
        return figures.error_histogram({name: errors[name] for name in ("model", self.rival)}, **words)

    @property
    def chief_part(self) -> str:
        """The part to report: test if there is one, else validation, else the first."""
        return Measures(self.measures).chief_part

    @property
    def rival(self) -> str:
        """What the model is compared with: "nothing" if it restores, else "pca", or "n-gram" for tokens."""
        row = next(iter(self.measures[self.chief_part].values()))
        return next(rival for rival in ("nothing", "pca", "n-gram") if rival in row)

    @property
    def of_tokens(self) -> bool:
        """Whether the samples are tokens."""
        return "nats" in self.measures[self.chief_part]


@shared_cores()
def evaluate(
    model: Autoencoder,
    parts: Mapping[str, Samples | Stream],
    pca: PCA | NGram,
    mean: Tensor,
    *,
    batch_size: int | None = None,
    progress: Callable[[int, int | None], object] | None = None,
) -> Evaluation:
    """Measure `model`, its baseline `pca` and `mean` on each of `parts`, streaming.

    SSE, MSE and explained variance for all data; PSNR and SSIM for pictures; for sound the measures of
    `isthmus.measures.sound`, over the samples that aren't silent; for graphs those of `isthmus.measures.graphs`. The
    model runs in evaluation mode, without corruption, on its own device; its modules' modes are restored. Empty parts
    are ignored. Sums are in float64, on the CPU, because not every device supports it.

    A model that `restores` gets samples damaged as in training, with the same random numbers at every call, and so does
    PCA. All results are compared with the clean samples, and "nothing" is the damaged input in their layout.

    parts: samples or streams by name, such as "train", "validation", "test".
    mean: (D,) or in a sample's shape; scaled: the mean of the training part, `pca.mean`.
    batch_size: samples at a time; None chooses it by their size.
    progress: called as `progress(done, total)` after each batch, in samples over all parts; the total may be None.
    """
    streams = {name: [part] if isinstance(part, Samples) else part for name, part in parts.items() if _count(part) != 0}
    counts = [_count(part) for part in parts.values()]
    done, total = 0, None if None in counts else sum(count or 0 for count in counts)
    measures, errors, columns = {}, {}, {}
    batch_size = batch_size or inference_batch_size(max_width(model))
    with eval_mode(model):
        mean = mean.to("cpu", torch.float32).flatten()
        bounds = model.scaling.range
        levels = model.scaling.levels
        for name, pieces in streams.items():
            generator = torch.Generator().manual_seed(0)
            if isinstance(pca, NGram):
                found = TokenPart(model, pca)
            else:
                span = bounds[1] - bounds[0] if bounds else 1.0
                found = _Part(model, pca, _with_modes(mean, pieces, levels), span, levels)
            for samples in pieces:
                found.kind = samples.kind
                if isinstance(found, _Part):
                    found.sound = samples.medium if isinstance(samples.medium, Sound) else None
                    found.graphs = isinstance(samples.medium, Graph)
                for out in passes(model, samples, batch_size, generator=generator):
                    found.take(out)
                    done += len(out.clean)
                    if progress is not None:
                        progress(done, total)
            measures[name], errors[name] = found.measures(), found.errors()
            if isinstance(found, _Part) and found.kind == "table":
                columns[name] = found.columns()
    skipped = tuple(name for part in parts.values() if isinstance(part, Stream) for name in part.skipped)
    return Evaluation(measures, errors, columns, skipped)


def _count(part: Samples | Stream) -> int | None:
    """The number of samples; None if it is unknown before the end."""
    return len(part) if isinstance(part, Samples) else part.count


def _with_modes(mean: Tensor, pieces: Iterable[Samples], levels: tuple[int, ...]) -> Tensor:
    """(D,) the mean, and in columns of categories the most frequent one."""
    counts = {place: torch.zeros(count, dtype=torch.int64) for place, count in enumerate(levels) if count}
    for samples in pieces if counts else ():
        for batch in samples.batches(2**16):
            for place, count in counts.items():
                numbers = batch[:, place]
                count.add_(torch.bincount(numbers[~numbers.isnan()].long(), minlength=len(count)))
    centre = mean.clone()
    for place, count in counts.items():
        centre[place] = float(count.argmax())
    return centre


def _off(output: Tensor, target: Tensor, levels: tuple[int, ...]) -> Tensor:
    """The output; in columns of categories, the target if the nearest category is right, else the target plus 1."""
    if not any(levels):
        return output
    categories = torch.tensor(levels) > 0
    return torch.where(categories, target + (output.round() != target), output)


class _Part:
    """Sums over the batches of one part, in float64."""

    def __init__(self, model: Autoencoder, pca: PCA, centre: Tensor, span: float, levels: tuple[int, ...]) -> None:
        self.model, self.pca, self.centre = model, pca, centre
        self.kind, self.span, self.levels = "", span, levels
        self.sound: Sound | None = None
        self.graphs = False
        self.count, self.counts = 0, torch.zeros(())
        self.sums: dict[str, dict[str, float]] = {}
        self.known: dict[str, dict[str, float]] = {}
        # small tensors between the batches' large ones would keep the allocator from using their memory again
        self.per_sample: dict[str, array[float]] = {}
        self.mean, self.spread = torch.zeros(()), torch.zeros(())
        self.squares: dict[str, Tensor] = {}

    def take(self, out: Pass) -> None:
        """One batch's pass: the model's reconstructions, and those of its rivals."""
        clean, observed = out.clean.float().cpu(), None if out.observed is None else out.observed.cpu()
        model = self.model
        given = model.corruption.as_clean(out.corrupted, model.shape).float().cpu() if model.restores else None
        holed = clean if observed is None else torch.where(observed, clean, torch.nan)
        made = {
            "model": out.reconstruction.float().cpu(),
            "pca": self.pca.reconstruct(holed if given is None else given),
            "mean": self.centre.expand(len(clean), -1).reshape(clean.shape),
        } | ({} if given is None else {"nothing": given})
        self.add(clean, {rival: _off(output, clean, self.levels) for rival, output in made.items()}, observed)

    def add(self, target: Tensor, by_rival: Mapping[str, Tensor], observed: Tensor | None = None) -> None:
        """One batch: the samples and each candidate's reconstruction of them, scaled, and the known numbers."""
        numbers = target[0].numel() if observed is None else observed.flatten(1).sum(1).clamp(min=1)
        for rival, output in by_rival.items():
            squares = measure.squares(output, target, observed)
            summed = squares.sum(1)
            per_sample = summed / numbers
            self._tell("sse", rival, summed)
            self._tell("mse", rival, per_sample)
            if rival != "mean":
                self.per_sample.setdefault(rival, array("f")).frombytes(per_sample.numpy().tobytes())
            if self.kind == "pictures" and not self.graphs:
                self._tell("psnr", rival, measure.decibels(per_sample, self.span))
                whole = observed is None or bool(observed.all())
                similar = measure.ssim(output, target, self.span) if whole else torch.full_like(per_sample, torch.nan)
                self._tell("ssim", rival, similar)
            if self.sound is not None:
                raw = (self.model.scaling.inverse(of).cpu() for of in (output, target))
                self._tell_known(rival, sound_measures(self.sound, *raw))
            if self.graphs:
                self._tell_known(rival, link_measures(output, target))
            self.squares[rival] = self.squares.get(rival, 0) + squares.sum(0, dtype=torch.float64)
        rows = target.flatten(1).double()
        here = torch.ones_like(rows) if observed is None else observed.flatten(1).double()
        new = here.sum(0)
        centre = (rows * here).sum(0) / new.clamp(min=1)
        shift, part = centre - self.mean, new / (self.counts + new).clamp(min=1)
        self.spread = self.spread + ((rows - centre) * here).square().sum(0) + shift.square() * (self.counts * part)
        self.mean = self.mean + shift * part
        self.counts = self.counts + new
        self.count += len(rows)

    def measures(self) -> dict[str, dict[str, float | None]]:
        """Measure → rival → figure."""
        figures = {
            name: {
                rival: total / max(1, self.known.get(name, {}).get(rival, self.count)) for rival, total in row.items()
            }
            for name, row in self.sums.items()
        }
        spread = self._to_explain().sum()
        figures["explained_variance"] = {
            rival: float(measure.share(squares.sum(), spread)) for rival, squares in self.squares.items()
        }
        return {
            name: {rival: figure if math.isfinite(figure) else None for rival, figure in row.items()}
            for name, row in figures.items()
        }

    def errors(self) -> dict[str, Tensor]:
        """Rival → (N,) mean squared errors."""
        return {
            rival: torch.frombuffer(errors, dtype=torch.float32).clone() for rival, errors in self.per_sample.items()
        }

    def columns(self) -> dict[str, Tensor]:
        """Rival → (D,) explained variances."""
        return {rival: measure.share(squares, self._to_explain()) for rival, squares in self.squares.items()}

    def _to_explain(self) -> Tensor:
        """(D,) squares about the part's own mean; in columns of categories, how often the commonest is wrong."""
        if not any(self.levels):
            return self.spread
        return torch.where(torch.tensor(self.levels) > 0, self.squares["mean"], self.spread)

    def _tell_known(self, rival: str, figures: Mapping[str, Tensor]) -> None:
        """Measures that aren't defined for some samples, which are NaN there."""
        for name, each in figures.items():
            known = each[~each.isnan()]
            self._tell(name, rival, known)
            counts = self.known.setdefault(name, {})
            counts[rival] = counts.get(rival, 0) + len(known)

    def _tell(self, name: str, rival: str, figures: Tensor) -> None:
        row = self.sums.setdefault(name, {})
        row[rival] = row.get(rival, 0.0) + float(figures.double().sum())
