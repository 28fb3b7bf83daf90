"""A run: a model with the data, settings and history it was trained by, in memory and in a folder."""

import contextlib
import math
import platform
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from isthmus import version
from isthmus.data import Data, Samples, read_samples, reopen, stream_samples
from isthmus.data.gather import join
from isthmus.data.missing import check_whole
from isthmus.data.read import of_patches
from isthmus.data.samples import inference_batch_size
from isthmus.data.series import ended
from isthmus.data.stream import Stream, divided, stream_pictures
from isthmus.data.tiles import one_picture
from isthmus.errors import DataError, RunError, remark
from isthmus.measures import Evaluation, evaluate
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.shape_checks import max_width
from isthmus.model.store import describe_model, make_folder, put_weights, rebuild
from isthmus.model.through import through
from isthmus.pca import PCA, principal_components
from isthmus.quantised_pca import QuantisedPCA, quantise
from isthmus.run_records import (
    read_baseline,
    read_description,
    read_environment,
    read_history,
    read_settings,
    read_weights,
)
from isthmus.storage.checked import save_json, save_tensors
from isthmus.storage.files import MODEL
from isthmus.storage.run_folder import (
    BASELINE,
    CHECKPOINT,
    DATA,
    ENVIRONMENT,
    NEW,
    REPORT,
    SETTINGS,
    WEIGHTS,
    abandon,
    begin_apart,
    commit,
    finish_move,
    holds_run,
    locked,
)
from isthmus.training import Checkpoint, Settings
from isthmus.training.checkpoint import save_history
from isthmus.training.settings import find_device
from isthmus.uses.tiles import Tiles

LARGEST_BASELINE = 512
"""Components of the PCA that a run is compared with, at most."""


@dataclass(repr=False)
class Run:
    """A trained model, with all that is known of its training.

    folder: where it is kept; None for a run in memory. data: what it was trained on, where at hand. history: a row an
    epoch. status: "finished", "stopped early", "interrupted" or "diverged". pca: principal components learnt from the
    training part, to compare with (`baseline`).
    """

    model: Autoencoder
    settings: Settings
    history: list[dict[str, Any]] = field(default_factory=list)
    data: Data | None = None
    folder: Path | None = None
    pca: PCA | None = None
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
        return f"<Run {where}: {shape} to {code} and back, {len(self.history)} epochs, {self.status}{losses}>"

    def encode(self, source: Any, **read_options: Any) -> Tensor:
        """(N, *code) codes of raw samples: a part of the data, an array, a table, anything that `open_data` reads.

        A model of patches gives a code for each of the tiles that cover a picture, row by row (see `read`).

        read_options: to read a source that is not read as the training's was, as for `read_samples`.
        """
        return self._through(self.model.encode, self.read(source, **read_options))

    def reconstruct(self, source: Any, **read_options: Any) -> Tensor:
        """(N, *shape) reconstructions of raw samples, in the raw data's units, float32; `read_options` as for `encode`.

        What was missing is filled in; a series ends where it ended, with NaN after it.

        A model of patches takes whole pictures, all of one size, in overlapping tiles that are put together without a
        seam, and gives whole ones back, (N, C, H, W). For pictures of several sizes see `pictures`.

        Raises:
            DataError: as `read`; or the pictures have several sizes.
        """
        if self.covers(source, read_options):
            return self._whole(source, read_options)
        samples = self.read(source, **read_options)
        made = self._through(self.model.reconstruct, samples)
        if samples.kind != "series" or not self.model.conditioning.mask:
            return made
        return torch.where(ended(samples.tensor()), torch.nan, made)

    def fill(self, source: Any, **read_options: Any) -> Tensor:
        """(N, *shape) raw samples as they came, with the model's numbers where theirs are missing.

        read_options: as for `encode`.

        Raises:
            DataError: the model was not built for samples with holes.
        """
        samples = self.read(source, **read_options)
        made, given = self.reconstruct(samples), samples.tensor().float()
        return torch.where(given.isnan(), made, given)

    def read(self, source: Any, **read_options: Any) -> Samples:
        """The samples of a source, as the model takes them; `read_options` as for `encode`.

        A model that is told which numbers are known takes samples with holes, unless `missing` says otherwise. For a
        model of patches, pictures are covered by tiles of its size, called "photo@32,0.png" by the row and column of
        their first pixel; patches=100 cuts so many at random places, as in training.

        Raises:
            DataError: it can't be read, or lacks numbers, and the model was not built for that.
        """
        if isinstance(source, Data):
            raise DataError("These are data with three parts. Give one of them, such as data.test.")
        if isinstance(source, Samples) and not read_options:
            samples = source
        elif self.covers(source, read_options):
            samples = join(list(self.stream(source, **read_options)))
        else:
            samples = read_samples(source, like=self.description or None, **self._reading(read_options))
        if not self.model.conditioning.mask:
            check_whole(samples)
        return samples

    def stream(self, source: Any, *, rows: int | None = None, **read_options: Any) -> Stream:
        """As `read`, a piece at a time, so that memory does not grow with the source (see `stream_samples`).

            with ist.open_writer("codes.parquet") as put:
                for piece, codes in run.stream("large.parquet").through(run.encode):
                    put(codes, piece.names)

        rows: samples in a piece; as many as take 16 MiB, but 32,768 at most, where it is None.

        Raises:
            DataError: as `read`; what is wrong with a piece is said when it is come to.
        """
        if isinstance(source, Data | Samples):
            return divided(self.read(source, **read_options), rows)
        if self.covers(source, read_options):
            source = one_picture(source, self.model.shape[0])
        stream = stream_samples(source, like=self.description or None, rows=rows, **self._reading(read_options))
        if not self.model.conditioning.mask:
            stream = stream.checked(check_whole)
        return stream

    def pictures(self, source: Any, **read_options: Any) -> Stream:
        """For a model of patches the whole pictures of a source, each a piece of its own size; else as `stream`.

            for picture, made in run.pictures("photos").through(run.reconstruct):
                ...

        Raises:
            DataError: as `stream`; or the pictures have other channels than the model's.
        """
        if not self.covers(source, read_options):
            return self.stream(source, **read_options)
        return stream_pictures(source, self.description, **self._reading(read_options))

    def covers(self, source: Any, read_options: Mapping[str, Any]) -> bool:
        """Whether a source holds whole pictures for a model of patches, to be covered by tiles.

        Parts of the run's data are patches already, and so are what `patches` in `read_options` asks for.
        """
        if isinstance(source, Samples):
            pictures = source.kind == "pictures" and len(source.shape) == 3
            return pictures and of_patches(self.description) and source.shape != tuple(self.model.shape)
        asked = read_options.get("patches") is not None or read_options.get("part") is not None
        return of_patches(self.description) and not asked and not isinstance(source, Data)

    def _whole(self, source: Any, read_options: dict[str, Any]) -> Tensor:
        """(N, C, H, W) reconstructions of whole pictures by a model of patches."""
        tiles = Tiles(self.model.eval())
        if isinstance(source, Samples):
            return tiles(source.tensor())
        made = [tiles(picture.tensor()) for picture in self.pictures(source, **read_options)]
        if len(sizes := {tuple(picture.shape[2:]) for picture in made}) > 1:
            raise DataError(
                f"These pictures have {len(sizes)} sizes, and one array holds pictures of one. Reconstruct them one by "
                "one, run.pictures(source).through(run.reconstruct), or resize them all, size=(height, width)."
            )
        return torch.cat(made)

    def _reading(self, read_options: dict[str, Any]) -> dict[str, Any]:
        """How to read a source, if nothing else is said: a model that knows of masks takes holes as they are."""
        masked = self.model.conditioning.mask and "missing" not in self.description.get("options", {})
        return {"missing": "keep"} | read_options if masked else read_options

    def decode(self, codes: Any, labels: Any = None) -> Tensor:
        """(N, *code) codes, as an array or tensor, to (N, *shape) samples in the raw data's units, float32.

        labels: (N,) whole numbers, for a model that is conditioned on them.

        Raises:
            DataError: the codes have another shape than the model's, are none, or hold NaN.
        """
        wanted = self.model.code_shape
        try:
            codes = torch.as_tensor(codes, dtype=torch.float32)
            labels = None if labels is None else torch.as_tensor(labels, dtype=torch.int64)
        except (TypeError, ValueError, RuntimeError, OverflowError) as error:
            raise DataError(
                f"These codes, or their labels, are no numbers ({' '.join(str(error).split())[:80]}): expected rows of "
                f"{torch.Size(wanted).numel()} each, and whole numbers as labels."
            ) from error
        if codes.ndim < 2:
            codes = codes.reshape(1, -1)
        if not codes.numel():
            raise DataError(f"There are no codes: expected at least one, of {torch.Size(wanted).numel()} numbers.")
        if not bool(codes.isfinite().all()):
            row = int((~codes.flatten(1).isfinite()).any(1).nonzero()[0])
            raise DataError(f"Code {row} has NaN or infinite values: expected finite numbers, as encode makes them.")
        if codes[0].numel() != torch.Size(wanted).numel():
            raise DataError(
                f"These codes have {codes[0].numel()} numbers each, the model's have {torch.Size(wanted).numel()} "
                f"{tuple(wanted)}. Give codes that this model's encode made."
            )
        return self._through(self.model.decode, Samples(values=codes.reshape(-1, *wanted), labels=labels))

    def evaluate(self, source: Any = None, *, progress: Any = None, **read_options: Any) -> dict[str, Any]:
        """Reconstruction errors on the run's own parts, or on a source, beside PCA and the mean.

        `{"test": {"mse": {"model": …, "pca": …, "mean": …}, …}, "validation": …, "train": …}`; a source is "given".
        """
        return self.evaluation(source, progress=progress, **read_options).to_json()

    def evaluation(self, source: Any = None, *, progress: Any = None, **read_options: Any) -> Evaluation:
        """What `evaluate` tells, with each sample's own error (`isthmus.measures.Evaluation`)."""
        if source is not None:
            parts: Mapping[str, Samples | Stream] = {"given": self.stream(source, **read_options)}
        else:
            data = self.open()
            parts = {"test": data.test, "validation": data.validation, "train": data.train}
            parts = {name: samples for name, samples in parts.items() if len(samples)}
        pca = self.baseline()
        return evaluate(self.model, parts, pca, pca.mean, progress=progress)

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report, a page that stands by itself, and give its path.

        path: where to; None is report.html in the run's folder, or in a new temporary folder for a run in memory.

        Raises:
            IsthmusError: it can't be written there; a folder, a device or a pipe is never written to.
        """
        if path is None:
            path = (self.folder or Path(tempfile.mkdtemp(prefix="isthmus-"))) / REPORT
        from isthmus.report import write_report  # noqa: PLC0415 Matplotlib takes half a second and 50 MB

        self.open()
        return write_report(self, Path(path))

    def save(self, path: str | Path, *, overwrite: bool = False) -> Path:
        """Write the whole run into the folder `path`, at once or not at all, and give the folder.

            run.save("runs/digits")
            run = ist.load("runs/digits")

        A run in memory is from then on the one in that folder; of a run that has a folder, this makes a copy. It can
        be resumed if the run has a checkpoint, which a run that was trained without `out=` has not.

        overwrite: take the place of a run that is there. What else is in the folder stays.

        Raises:
            RunError: the folder holds a run, or one is being written there.
            IsthmusError: the folder can't be written to.
        """
        checkpoint = None
        if self.folder is not None and (self.folder / CHECKPOINT).exists():
            checkpoint = Checkpoint.read(self.folder)
        folder = make_folder(path)
        with locked(folder):
            if (folder / MODEL).exists() and not overwrite:
                raise RunError(f"{folder} holds a run already. Choose another folder, or say overwrite=True.")
            place = begin_apart(folder)
            try:
                self._write(place, checkpoint)
                commit(folder)
            except BaseException:
                abandon(folder)
                raise
        self.folder = self.folder or folder
        return folder

    def _write(self, place: Path, checkpoint: Checkpoint | None) -> None:
        """All files of the run; the one that says that there is a run comes last."""
        save_json(place / DATA, self.description)
        save_json(place / SETTINGS, self.settings.to_json())
        save_json(place / ENVIRONMENT, self.environment or environment())
        save_history(place, self.history)
        if self.pca is not None:
            save_tensors(place / BASELINE, self.pca.to_tensors())
        if checkpoint is not None:
            save_tensors(place / CHECKPOINT, checkpoint.tensors, checkpoint.notes)
        notes = {"status": self.status, "reason": self.reason, "best_epoch": self.best_epoch}
        save_tensors(place / WEIGHTS, self.model.state_dict(), notes)
        save_json(place / MODEL, describe_model(self.model))

    def open(self) -> Data:
        """The data of the run, opened again where they aren't at hand.

        Raises:
            DataError: they came from memory, or are gone, or have changed.
        """
        if self.data is None:
            self.data = reopen(self.description)
        return self.data

    def baseline(self) -> PCA:
        """PCA with as many numbers as the code (at most 512), from the training part; computed once.

        Beside a quantised code it has as many bits (`QuantisedPCA`).
        """
        made = self.pca
        if made is None:
            made = principal_components(self.open().train, self.model.scaling, self.baseline_size)
        bits = self.model.code.bits(self.model.code_shape)
        if bits is not None and not isinstance(made, QuantisedPCA):
            made = quantise(made, self.open().train, self.model.scaling, math.ceil(bits))
        if self.folder is not None and (made is not self.pca or not (self.folder / BASELINE).exists()):
            with contextlib.suppress(RunError):
                save_tensors(self.folder / BASELINE, made.to_tensors())
        self.pca = made
        return made

    @property
    def baseline_size(self) -> int:
        """How many principal components it is compared with."""
        return baseline_size(self.model)

    def _through(self, use: Any, samples: Samples) -> Tensor:
        """A use of the model on all samples, a batch at a time, on the model's device."""
        classes = self.model.conditioning.classes
        if classes and samples.labels is not None and len(samples) and int(samples.labels.max()) >= classes:
            raise DataError(
                f"The model knows the labels 0 to {classes - 1}, and {int(samples.labels.max())} came. "
                "Give labels that it was trained with."
            )
        if self.model.training:  # to say it to every layer again takes as long as one row
            self.model.eval()
        return through(use, samples, inference_batch_size(max_width(self.model)))


def baseline_size(model: Autoencoder) -> int:
    """How many principal components a model is compared with: as many as its code has numbers, 512 at most.

    A quantised code's bits decide how many of the components are used; it needs no more than one a bit.
    """
    bits, width = model.code.bits(model.code_shape), math.prod(model.shape)
    size = math.prod(model.code_shape) if bits is None else min(math.ceil(bits), width)
    return min(size, LARGEST_BASELINE)


def load(folder: str | Path, *, model: Autoencoder | None = None, device: str = "auto") -> Run:
    """The run in a folder, ready to be used; an unfinished one with the best weights so far, and a remark.

    Where a run was begun that is to take another's place, this is still the other one, with a remark.

    model: the same modules again, for a run with custom modules. device: where it computes, as for `fit`, whichever
        device it was trained on: "auto", "cpu", "cuda", "mps".

    Raises:
        RunError: the folder holds no run, or a damaged one.
        BlueprintError: the model names a part that nobody has defined.
        TrainingError: there is no such device here.
    """
    folder, where = Path(folder), find_device(device)
    finish_move(folder)
    begun = holds_run(folder / NEW)
    if begun and not (folder / MODEL).exists():
        folder, begun = folder / NEW, False
    model = rebuild(folder, model)
    run = Run(
        model=model.eval(),
        settings=read_settings(folder),
        folder=folder,
        description=read_description(folder, model),
        environment=read_environment(folder),
        pca=read_baseline(folder, model),
    )
    if (folder / WEIGHTS).exists():
        outcome = read_weights(folder, model)
        run.status, run.reason, run.best_epoch = outcome.status, outcome.reason, outcome.best_epoch
        run.history = read_history(folder)
    else:
        checkpoint = Checkpoint.read(folder)
        put_weights(model, checkpoint.best_weights(), folder / CHECKPOINT)
        run.history, run.best_epoch = checkpoint.notes["history"], checkpoint.notes["best_epoch"]
        goal = checkpoint.notes.get("epochs") or run.settings.epochs
        ended = checkpoint.ended(goal)  # and was killed before it wrote its weights
        run.status = checkpoint.notes["status"] if ended else "interrupted"
        if not ended:
            remark(
                f"The run in {folder} is not finished ({len(run.history)} of {goal} epochs): its best weights "
                f"so far are used. Go on with: isthmus resume {folder}."
            )
    if begun:
        remark(
            f"This is the old run in {folder}. The one that is to take its place is not finished. Go on with it: "
            f"isthmus resume {folder}."
        )
    model.to(where)
    return run


def environment() -> dict[str, Any]:
    """What the run was made with, for whoever wants to repeat it."""
    return {
        "isthmus": version.VERSION,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "system": platform.platform(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]) if sys.argv else "",
    }
