"""A trained model: raw samples in, raw samples or codes out; with its history, its data, and PCA for comparison."""

import contextlib
import importlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.data import Data, Samples, reopen
from isthmus.data.containers import is_table
from isthmus.data.media import Recording
from isthmus.data.media.medium import medium_of
from isthmus.data.samples import inference_batch_size, shape_words
from isthmus.data.series import ended
from isthmus.data.stream import Stream
from isthmus.data.timewise import Timewise
from isthmus.errors import DataError, RunError, UseError
from isthmus.filling import Filler
from isthmus.formatting import number
from isthmus.measures import Evaluation, Measures, evaluate
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.shape_checks import max_width
from isthmus.model.through import through
from isthmus.ngram import NGram, learn_ngrams
from isthmus.parts.model import eval_mode
from isthmus.parts.networks.generating import Choice, generating
from isthmus.pca import PCA, principal_components
from isthmus.quantised_pca import QuantisedPCA, quantise
from isthmus.seeds import is_seed, seeded
from isthmus.shown import Card, Shown
from isthmus.storage.checked import save_tensors
from isthmus.storage.run_folder import BASELINE, FILLING
from isthmus.trained.source_reader import SourceReader
from isthmus.trained.tiles import Tiles
from isthmus.training import Settings

LARGEST_BASELINE = 512
"""The most components of the PCA that a run is compared with."""
MOST_GENERATED = 2000
"""The most training samples that a decoder with many steps makes again, to measure them."""


@dataclass(repr=False)
class TrainedModel(Shown, SourceReader):
    """A trained model with the facts of its training.

    folder: where it is saved; None for a run in memory. data: the training data, if available. history: one row per
    epoch. status: "finished", "stopped early", "interrupted" or "diverged". pca: the principal components, or for
    tokens the n-grams, of the training part, for comparison (`baseline`). filling: the `filler` of holes, if it has
    been learnt.
    """

    model: Autoencoder
    settings: Settings
    history: list[dict[str, Any]] = field(default_factory=list)
    data: Data | None = None
    folder: Path | None = None
    pca: PCA | NGram | None = None
    filling: Filler | None = field(default=None, repr=False)
    description: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=dict)
    status: str = "finished"
    reason: str = ""
    best_epoch: int = 0

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.model.shape))
        code = "×".join(map(str, self.model.code_shape))
        last = self.history[-1] if self.history else {}
        losses = "".join(
            f", {name.replace('_', ' ')} {last[name]:.4g}" for name in ("loss", "validation_loss") if name in last
        )
        where = f"in {self.folder}" if self.folder is not None else "in memory"
        trained = f"{len(self.history)} epochs, {self.status}{losses}"
        return f"<{type(self).__name__} {where}: {shape} to {code} and back, {trained}>"

    def _card(self) -> Card:
        last, blueprint = self.history[-1] if self.history else {}, self.model.blueprint
        counts = self.description.get("counts") or {}
        facts = {
            "data": str(self.description.get("source") or "in memory"),
            "samples": ", ".join(f"{count:,} {name}" for name, count in counts.items()),
            "network": "custom modules" if blueprint is None else str(blueprint.network),
            "code": f"{shape_words(self.model.code_shape)}, {self.model.code.kind}",
            "parameters": f"{sum(weight.numel() for weight in self.model.parameters()):,}",
            "loss": ", ".join(
                f"{number(last[name])} {'training' if name == 'loss' else 'validation'}"
                for name in ("loss", "validation_loss")
                if name in last
            ),
            "best epoch": str(self.best_epoch or ""),
            "stopped because": self.reason,
            "folder": str(self.folder or "in memory"),
        }
        words = f"{shape_words(self.model.shape)} to {shape_words(self.model.code_shape)} and back, "
        words += f"{len(self.history)} epochs, {self.status}"
        return Card(words, {name: value for name, value in facts.items() if value})

    def encode(self, source: Any, **read_options: Any) -> Any:
        """(N, *code) codes of raw samples: a part of the data, an array, a table, anything that `open_data` reads.

        Codes of a data frame are a data frame of the same library, with the columns z0, z1, … and its index; codes of
        anything else are a tensor. A model of patches returns one code for each tile that covers a picture, row by row
        (see `read`).

        read_options: how to read the source, if that differs from the training data, as for `read_samples`.
        """
        samples = self.read(source, **read_options)
        made = self._through(self.model.encode, samples)
        if not is_table(source):
            return made
        windows = isinstance(samples.medium, Recording)
        return _frames().framed_windows(made, source, samples) if windows else _frames().framed(made, source)

    def reconstruct(self, source: Any, **read_options: Any) -> Any:
        """(N, *shape) reconstructions of raw samples, in the raw data's units; `read_options` as for `encode`.

        float32, or float64 if the training data are (`Scaling.precise`).

        A data frame is returned as a data frame of the same library, with its columns, categories and index. The
        columns that the model doesn't learn from are unchanged. Missing numbers are filled in. A series keeps its
        length, with NaN after its end.

        A model of patches takes whole pictures of one size in overlapping tiles, and returns whole pictures without
        seams, (N, C, H, W). For pictures of several sizes see `pictures`.

        A model of recordings takes recordings of any length as rows of time steps, and returns as many rows, (T, C):
        overlapping windows are averaged, and steps that no window contains are NaN.

        Raises:
            DataError: as `read`; or the pictures have several sizes.
        """
        if self.covers(source, read_options):
            return self._whole(source, read_options)
        if (timewise := self.recordings(source, **read_options)) is not None:
            return _of_rows(timewise, timewise.through(self.reconstruct), source)
        samples = self.read(source, **read_options)
        made = self._through(self.model.reconstruct, samples)
        if is_table(source):
            return _frames().framed(made, source, samples, self.description)
        if samples.kind != "series" or not self.model.conditioning.mask:
            return made
        return torch.where(ended(samples.tensor()), torch.nan, made)

    def noise(self, source: Any, **read_options: Any) -> Tensor:
        """(N, *shape) noise from which a diffusion decoder makes these samples again (see `Autoencoder.noise`).

            run.decode(run.encode(source), choice=Choice(run.noise(source)))

        read_options: as for `encode`.

        Raises:
            UseError: the decoder doesn't generate from noise.
        """
        return self._through(self.model.noise, self.read(source, **read_options))

    def fill(self, source: Any, *, draws: int | None = None, seed: Any = 0, **read_options: Any) -> Any:
        """(N, *shape) raw samples with their missing numbers filled in; the known ones are unchanged, bit for bit.

            whole = run.fill(frame)                       # the best guess for each hole
            several = run.fill(frame, draws=20, seed=1)   # a list of 20 tables

        In tables, a hole gets the mean of the network's reconstruction and of mixtures of Gaussians, weighted by their
        errors in cells that were hidden to find out (see `isthmus.filling.Filler`); a category is the likeliest one.
        In other samples, it gets the reconstruction.

        A data frame is returned as a data frame (see `reconstruct`). read_options: as for `encode`.

        draws: return a list of this many filled tables instead (multiple imputation). In each, every hole gets a value
            drawn from its distribution given the row's known cells, so that the tables differ by as much as the holes
            are uncertain. Columns of whole numbers get
            whole numbers, and columns without negative numbers get none.
        seed: of the draws, a whole number or a generator. The same seed gives the same tables.

        Raises:
            DataError: the model was not built for samples with holes.
            UseError: `draws` is no positive whole number, the samples are not rows of a table, or the run has no
                filler and its training data can't be opened to learn one.
        """
        if draws is not None and not (is_seed(draws) and draws > 0):
            raise UseError(f"draws={draws!r:.60}: expected a whole number from 1, the number of filled tables.")
        timewise = self.recordings(source, **read_options)
        if draws is not None and (timewise is not None or len(self.model.shape) != 1):
            raise UseError("draws= fills rows of a table, but this model takes other samples. Leave draws= out.")
        if timewise is not None:
            values = timewise.given()
            return _of_rows(timewise, np.where(np.isnan(values), timewise.through(self.reconstruct), values), source)
        samples = self.read(source, **read_options)
        given, filler = samples.tensor(), self.filler()

        def finished(made: Tensor) -> Any:
            filled = torch.where(given.isnan(), made, given.to(made.dtype))
            return _frames().framed_filled(filled, source, samples, self.description) if is_table(source) else filled

        if draws is None:
            made = self.reconstruct(samples) if filler is None else filler.guess(self._ready(), samples)
            return finished(made)
        if filler is None:
            raise UseError(
                "This run can't draw values for holes: it has no record of its errors, and the training data, from "
                "which to learn them, can't be opened. Train again with missing='keep' or the recipe 'table'."
            )
        generator = seed if isinstance(seed, torch.Generator) else seeded(seed)
        return [finished(made) for made in filler.draws(self._ready(), samples, draws, generator)]

    def filler(self) -> Filler | None:
        """What fills the holes of tables in addition to the network; learnt once.

        None for a model that takes no holes or no tables, or whose training data can't be opened any more.
        """
        if self.filling is None and self.model.conditioning.mask and self.description.get("kind") == "table":
            with contextlib.suppress(DataError):
                data = self.open()
                self.filling = Filler.learn(self._ready(), data.train, data.validation)
            if self.filling is not None and self.folder is not None:
                with contextlib.suppress(RunError):
                    save_tensors(self.folder / FILLING, self.filling.to_tensors())
        return self.filling

    def decode(self, codes: Any, labels: Any = None, choice: Choice | None = None) -> Any:
        """(N, *code) codes, as an array or tensor, to (N, *shape) samples in the raw data's units.

        Codes in a data frame are decoded to a data frame.

        labels: (N,) whole numbers, for a model that is conditioned on them. choice: how tokens are chosen, or the noise
        that a diffusion decoder starts from; None takes the most likely tokens, and always the same noise.

        Raises:
            DataError: the codes have another shape than the model's, there are none, or they contain NaN.
        """
        wanted = self.model.code_shape
        if is_table(codes):
            numbers = _frames().numbers_of(codes)
            return _frames().framed(self.decode(numbers, labels, choice), codes, like=self.description)
        try:
            codes = torch.as_tensor(codes, dtype=torch.float32)
            labels = None if labels is None else torch.as_tensor(labels, dtype=torch.int64)
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            raise DataError(
                f"The codes or their labels are not numbers ({' '.join(str(error).split())[:80]}): expected rows of "
                f"{torch.Size(wanted).numel()} numbers as codes, and whole numbers as labels."
            ) from error
        if codes.ndim < 2:
            codes = codes.reshape(1, -1)
        if not codes.numel():
            raise DataError(f"There are no codes: expected at least one, of {torch.Size(wanted).numel()} numbers.")
        if not bool(codes.isfinite().all()):
            row = int((~codes.flatten(1).isfinite()).any(1).nonzero()[0])
            raise DataError(f"Code {row} has NaN or infinite values: expected finite numbers, as from encode.")
        if codes[0].numel() != torch.Size(wanted).numel():
            raise DataError(
                f"These codes have {codes[0].numel()} numbers each, but the model's codes have "
                f"{torch.Size(wanted).numel()} {tuple(wanted)}. Give codes from this model's encode."
            )
        samples = Samples(values=codes.reshape(-1, *wanted), labels=labels)
        if choice is not None:  # its noise belongs to all codes together
            labels = None if labels is None else labels.to(self.model.device)
            with eval_mode(self.model):
                return self.model.decode(samples.tensor(), labels, choice).cpu()
        return self._through(self.model.decode, samples)

    def evaluate(
        self, source: Any = None, *, chief: bool = False, progress: Any = None, **read_options: Any
    ) -> Measures:
        """Reconstruction errors of the model, PCA and the mean, on the run's own parts or on a source.

        A diffusion decoder takes many steps for each sample, so of its training part only some are measured.

        A dictionary that prints as a table:
        `{"test": {"mse": {"model": …, "pca": …, "mean": …}, …}, "validation": …, "train": …}`; a source is "given".

        chief: of the run's own parts, only the one to report: test if there is one, else validation, else train.
        """
        return self.evaluation(source, chief=chief, progress=progress, **read_options).to_json()

    def evaluation(
        self, source: Any = None, *, chief: bool = False, progress: Any = None, **read_options: Any
    ) -> Evaluation:
        """The same as `evaluate`, with the error of each sample (`isthmus.measures.Evaluation`)."""
        if source is not None:
            parts: Mapping[str, Samples | Stream] = {"given": self.stream(source, **read_options)}
        else:
            data = self.open()
            parts = {"test": data.test, "validation": data.validation, "train": data.train}
            parts = {name: samples for name, samples in parts.items() if len(samples)}
            parts = dict(list(parts.items())[:1]) if chief else parts
            writer = generating(self.model.decoder)
            if writer is not None and not writer.tokens and len(parts) > 1:
                parts["train"] = data.train.some(MOST_GENERATED)
        pca = self.baseline()
        return evaluate(self.model, parts, pca, pca.mean, progress=progress)

    def open(self) -> Data:
        """The data of the run, opened again if necessary.

        Raises:
            DataError: the data came from memory, no longer exist, or have changed.
        """
        if self.data is None:
            self.data = reopen(self.description)
        return self.data

    def baseline(self) -> PCA | NGram:
        """The model that a run is compared with; computed once.

        For tokens, the n-grams of the training part. For other data, its PCA with as many components as the code has
        dimensions (at most 512).

        For a quantised code, it has as many bits (`QuantisedPCA`).
        """
        made = self.pca
        medium = medium_of(self.description)
        if medium is not None and medium.tokens:
            made = learn_ngrams(self.open().train, medium.tokens) if made is None else made
        elif made is None:
            made = principal_components(self.open().train, self.model.scaling, self.baseline_size)
        bits = self.model.code.bits(self.model.code_shape)
        if bits is not None and isinstance(made, PCA) and not isinstance(made, QuantisedPCA):
            made = quantise(made, self.open().train, self.model.scaling, math.ceil(bits))
        if self.folder is not None and (made is not self.pca or not (self.folder / BASELINE).exists()):
            with contextlib.suppress(RunError):
                save_tensors(self.folder / BASELINE, made.to_tensors())
        self.pca = made
        return made

    @property
    def baseline_size(self) -> int:
        """The number of principal components of its PCA."""
        return baseline_size(self.model)

    def _whole(self, source: Any, read_options: dict[str, Any]) -> Tensor:
        """(N, C, H, W) reconstructions of whole pictures by a model of patches."""
        tiles = Tiles(self.model.eval())
        if isinstance(source, Samples):
            return tiles(source.tensor())
        made = [tiles(picture.tensor()) for picture in self.pictures(source, **read_options)]
        if len(sizes := {tuple(picture.shape[2:]) for picture in made}) > 1:
            raise DataError(
                f"These pictures have {len(sizes)} different sizes, but one array needs a single size. Reconstruct "
                "them one by one, run.pictures(source).through(run.reconstruct), or resize them, size=(height, width)."
            )
        return torch.cat(made)

    def _through(self, use: Any, samples: Samples) -> Tensor:
        """A use of the model on all samples, a batch at a time, on the model's device."""
        classes = self.model.conditioning.classes
        if classes and samples.labels is not None and len(samples) and int(samples.labels.max()) >= classes:
            raise DataError(
                f"The samples have the label {int(samples.labels.max())}, but the model has only the labels 0 to "
                f"{classes - 1}. Give labels that it was trained with."
            )
        return through(use, samples, inference_batch_size(max_width(self._ready())))

    def _ready(self) -> Autoencoder:
        """The model in evaluation mode."""
        if self.model.training:  # eval() visits every layer, which takes as long as one row
            self.model.eval()
        return self.model


def _of_rows(timewise: Timewise, values: np.ndarray, source: Any) -> Any:
    """(rows, channels) results on a recording in the form of the source: a data frame or a tensor."""
    return _frames().framed_rows(timewise.table(values), source) if is_table(source) else timewise.shaped(values)


def _frames() -> Any:
    """The module for data frames, imported when it is first needed: Arrow takes some 40 MB."""
    return importlib.import_module("isthmus.data.frames")


def baseline_size(model: Autoencoder) -> int:
    """The number of principal components that a model is compared with: the size of its code, 512 at most.

    For a quantised code, the bits limit how many of the components are used; at most one per bit is needed.
    """
    bits, width = model.code.bits(model.code_shape), math.prod(model.shape)
    size = math.prod(model.code_shape) if bits is None else min(math.ceil(bits), width)
    return min(size, LARGEST_BASELINE)
