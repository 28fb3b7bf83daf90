"""A run: a model with the data, settings and history it was trained by, in memory and in a folder."""

import contextlib
import platform
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock
import torch
from torch import Tensor

from isthmus import version
from isthmus.autoencoder import Autoencoder
from isthmus.data import Data, Samples, read_samples, reopen
from isthmus.errors import DataError, RunError, TrainingError, remark
from isthmus.files import unwritable, write_json
from isthmus.measures import Evaluation, evaluate
from isthmus.pca import PCA, principal_components
from isthmus.report import write_report
from isthmus.store import (
    MODEL,
    WEIGHTS,
    describe_model,
    load_tensors,
    make_folder,
    put_weights,
    read_json,
    rebuild,
    save_tensors,
)
from isthmus.training import (
    CHECKPOINT,
    BestWeights,
    Callback,
    Checkpoint,
    Checkpoints,
    ProgressBar,
    Settings,
    Training,
)
from isthmus.training.closed_form import solve
from isthmus.training.precision import multiplies_bfloat16
from isthmus.training.settings import find_batch_size, find_device
from isthmus.training.steps import worth_compiling

DATA, SETTINGS, HISTORY, ENVIRONMENT, BASELINE = (
    "data.json",
    "settings.json",
    "history.json",
    "environment.json",
    "baseline.safetensors",
)
BATCH = 1024
LARGEST_BASELINE = 512
"""Components of the PCA that a run is compared with, at most."""


@dataclass
class Run:
    """A trained model, with all that is known of its training.

    folder: where it is kept; None for a run in memory. data: what it was trained on, where at hand. history: a row an
    epoch. status: "finished", "stopped early", "interrupted" or "diverged". pca: principal components with as many
    numbers as the code, learnt from the training part, to compare with.
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

    def encode(self, source: Any) -> Tensor:
        """(N, *code) codes of raw samples: a part of the data, an array, a table, anything that `open_data` reads."""
        return self._through(self.model.encode, self._samples(source))

    def reconstruct(self, source: Any) -> Tensor:
        """(N, *shape) reconstructions of raw samples, in the raw data's units, float32."""
        return self._through(self.model.reconstruct, self._samples(source))

    def decode(self, codes: Any) -> Tensor:
        """(N, *code) codes, as an array or tensor, to (N, *shape) samples in the raw data's units, float32.

        Raises:
            DataError: the codes have another shape than the model's.
        """
        codes = torch.as_tensor(codes, dtype=torch.float32)
        if codes.ndim == 1:
            codes = codes[None]
        wanted = self.model.code_shape
        if codes[0].numel() != torch.Size(wanted).numel():
            raise DataError(
                f"These codes have {codes[0].numel()} numbers each, the model's have {torch.Size(wanted).numel()} "
                f"{tuple(wanted)}. Give codes that this model's encode made."
            )
        return self._through(self.model.decode, Samples(values=codes.reshape(-1, *wanted)))

    def evaluate(self, source: Any = None, *, progress: Any = None) -> dict[str, Any]:
        """Reconstruction errors on the run's own parts, or on `source`, beside PCA's and the mean's.

        `{"test": {"mse": {"model": …, "pca": …, "mean": …}, …}, "validation": …, "train": …}`; a source is "given".
        """
        return self.evaluation(source, progress=progress).to_json()

    def evaluation(self, source: Any = None, *, progress: Any = None) -> Evaluation:
        """What `evaluate` tells, with each sample's own error (`isthmus.measures.Evaluation`)."""
        if source is not None:
            parts: Mapping[str, Samples] = {"given": self._samples(source)}
        else:
            data = self.open()
            parts = {"test": data.test, "validation": data.validation, "train": data.train}
            parts = {name: samples for name, samples in parts.items() if len(samples)}
        pca = self.baseline()
        return evaluate(self.model, parts, pca, pca.mean, progress=progress)

    def report(self, path: str | Path | None = None) -> Path:
        """Write the report, a page that stands by itself, and say where it is.

        Raises:
            RunError: the run has no folder and no path is given.
        """
        if path is None:
            if self.folder is None:
                raise RunError("This run has no folder. Give the report's path, such as report('report.html').")
            path = self.folder / "report.html"
        self.open()
        return write_report(self, Path(path))

    def open(self) -> Data:
        """The data of the run, opened again where they aren't at hand.

        Raises:
            DataError: they came from memory, or are gone, or have changed.
        """
        if self.data is None:
            self.data = reopen(self.description)
        return self.data

    def baseline(self) -> PCA:
        """PCA with as many numbers as the code (at most 512), from the training part; computed once."""
        if self.pca is None:
            data = self.open()
            size = min(torch.Size(self.model.code_shape).numel(), LARGEST_BASELINE)
            self.pca = principal_components(data.train, self.model.scaling, size)
            if self.folder is not None:
                with contextlib.suppress(RunError):
                    save_tensors(self.folder / BASELINE, self.pca.to_tensors())
        return self.pca

    def _samples(self, source: Any) -> Samples:
        if isinstance(source, Samples):
            return source
        if isinstance(source, Data):
            raise DataError("These are data with three parts. Give one of them, such as data.test.")
        return read_samples(source, like=self.description or None)

    @torch.no_grad()
    def _through(self, use: Any, samples: Samples) -> Tensor:
        """A use of the model on all samples, a batch at a time, on the model's device."""
        device = next(iter(self.model.state_dict().values())).device
        self.model.eval()
        return torch.cat([use(raw.to(device)).cpu() for raw in samples.batches(BATCH)])


def fit(
    model: Autoencoder,
    data: Data,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
    **settings: Any,
) -> Run:
    """Train `model` on the training part of `data`, and keep the weights that do best on the validation part.

        run = fit(model, data, epochs=20, batch_size=256, learning_rate=1e-3, seed=0, out="runs/digits")

    out: the run's folder; without one nothing is written. overwrite: take the place of a run that is there.
    progress: show a bar. callbacks: your own, called after the built-in ones. The rest are `Settings`.

    Ctrl-C ends training cleanly, with everything saved.

    Raises:
        RunError: the folder holds another run, or one is being written there.
        TrainingError: the loss stopped being finite (the last good weights are kept), or a setting won't do.
        BlueprintError: the model does not fit the data.
    """
    chosen = _decided(model, data, Settings(**settings))
    _check_fit(model, data)
    if out is None:
        return _train(model, data, chosen, None, progress, callbacks, None)
    folder = make_folder(out)
    with _locked(folder):
        if (folder / MODEL).exists() and not overwrite:
            raise RunError(
                f"{folder} holds a run already. Choose another folder, say overwrite=True to take its "
                f"place, or continue it: isthmus resume {folder}."
            )
        for name in (MODEL, CHECKPOINT, WEIGHTS, BASELINE, HISTORY, "report.html"):
            (folder / name).unlink(missing_ok=True)
        write_json(folder / DATA, data.description)
        write_json(folder / SETTINGS, chosen.to_json())
        write_json(folder / ENVIRONMENT, environment())
        return _train(model, data, chosen, folder, progress, callbacks, None)


def resume(
    folder: str | Path,
    *,
    data: Data | None = None,
    epochs: int | None = None,
    model: Autoencoder | None = None,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
) -> Run:
    """Go on with a run that was interrupted or killed, from its last checkpoint, as if nothing had happened.

    data: the same data again, where they came from memory. epochs: more than were planned, to prolong a finished run.
    model: the same modules again, where they were somebody's own.

    Raises:
        RunError: the folder holds no run that can be resumed.
    """
    folder = Path(folder)
    described = rebuild(folder, model)
    with _locked(folder):
        settings = Settings.from_json(read_json(folder / SETTINGS))
        data = reopen(read_json(folder / DATA)) if data is None else data
        _check_fit(described, data)
        checkpoint = Checkpoint.read(folder) if (folder / CHECKPOINT).exists() else None
        if epochs is not None:
            settings = settings.replace(epochs=epochs)
            write_json(folder / SETTINGS, settings.to_json())
            if checkpoint is not None:
                checkpoint.notes["status"] = "running"
        elif checkpoint is not None and checkpoint.ended and (folder / WEIGHTS).exists():
            remark(f"The run in {folder} is {checkpoint.notes['status']}: nothing is left to do. epochs= prolongs it.")
            return load(folder, model=model)
        (folder / WEIGHTS).unlink(missing_ok=True)
        return _train(described, data, settings, folder, progress, callbacks, checkpoint)


def load(folder: str | Path, *, model: Autoencoder | None = None) -> Run:
    """The run in a folder, ready to be used; an unfinished one with the best weights so far, and a remark.

    Raises:
        RunError: the folder holds no run, or a damaged one.
    """
    folder = Path(folder)
    model = rebuild(folder, model)
    settings = Settings.from_json(read_json(folder / SETTINGS))
    run = Run(
        model=model.eval(),
        settings=settings,
        folder=folder,
        description=read_json(folder / DATA),
        environment=read_json(folder / ENVIRONMENT),
    )
    if (folder / WEIGHTS).exists():
        tensors, notes = load_tensors(folder / WEIGHTS)
        put_weights(model, tensors, folder / WEIGHTS)
        run.status, run.reason, run.best_epoch = notes["status"], notes["reason"], notes["best_epoch"]
        run.history = read_json(folder / HISTORY)
    else:
        checkpoint = Checkpoint.read(folder)
        put_weights(model, checkpoint.best_weights(), folder / CHECKPOINT)
        run.history, run.status = checkpoint.notes["history"], "interrupted"
        run.best_epoch = checkpoint.notes["best_epoch"]
        remark(
            f"The run in {folder} is not finished ({len(run.history)} of {settings.epochs} epochs): its best weights "
            f"so far are used. Go on with: isthmus resume {folder}."
        )
    if (folder / BASELINE).exists():
        run.pca = PCA.from_tensors(load_tensors(folder / BASELINE)[0])
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


def _train(
    model: Autoencoder,
    data: Data,
    settings: Settings,
    folder: Path | None,
    progress: bool,
    callbacks: Sequence[Callback],
    checkpoint: Checkpoint | None,
) -> Run:
    """Train from the start or a checkpoint, then write what came of it."""
    run = Run(model=model, settings=settings, data=data, folder=folder, description=data.description)
    run.environment = environment()
    if model.blueprint is not None and model.blueprint.solution == "closed form":
        if folder is not None:
            write_json(folder / MODEL, describe_model(model))
        run.history = solve(model.to(find_device(settings.device)), data.train, data.validation)
        run.best_epoch = 1
    else:
        best = BestWeights(settings.patience, settings.min_delta)
        shown = [ProgressBar()] if progress else []
        kept = [Checkpoints(folder, settings.checkpoint_seconds)] if folder else []
        every = [best, *shown, *callbacks, *kept]
        training = Training(model, data.train, data.validation, settings, every, checkpoint)
        if folder is not None and checkpoint is None:
            training.save_checkpoint(folder)  # before model.json: a folder that has this can always be resumed
            write_json(folder / MODEL, describe_model(model))
        state = training.run()
        best.give(model)
        run.history, run.status, run.reason = state.history, state.status, state.reason
        run.best_epoch = state.best_epoch
    if folder is not None:
        notes = {"status": run.status, "reason": run.reason, "best_epoch": run.best_epoch}
        write_json(folder / HISTORY, run.history)
        save_tensors(folder / WEIGHTS, model.state_dict(), notes)
        if run.reason == signal.Signals.SIGTERM.name:  # somebody wants the process to end, and all is saved
            signal.raise_signal(signal.SIGTERM)
        if run.status != "interrupted":
            run.baseline()
    if run.status == "diverged":
        kept = f"weights of epoch {run.best_epoch}" if run.best_epoch else "weights from before the first epoch"
        raise TrainingError(f"{run.reason} The {kept} are kept in {folder or 'the model'}.")
    return run


def _decided(model: Autoencoder, data: Data, settings: Settings) -> Settings:
    """The settings with nothing left to decide, so that a resumed run goes the same way."""
    device = find_device(settings.device)
    settings = settings.replace(batch_size=find_batch_size(settings, len(data.train)))
    if settings.compile == "auto":
        settings = settings.replace(compile=worth_compiling(model, settings, len(data.train), device))
    if settings.precision == "bfloat16" and not multiplies_bfloat16(device):
        remark(
            "This processor has no instructions for bfloat16: training will be slower than with precision='float32'."
        )
    return settings.replace(device=str(device))


def _check_fit(model: Autoencoder, data: Data) -> None:
    """Say before any training that data and model don't fit."""
    if len(data.train) == 0:
        raise DataError("The training part holds no samples. Give more data, or a smaller validation and test part.")
    if tuple(data.shape) != tuple(model.shape):
        raise DataError(
            f"These samples have shape {tuple(data.shape)}, the model takes {tuple(model.shape)}. Build the model for "
            "these data: blueprint.build(data)."
        )


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Nobody else writes this run meanwhile; the system lets go of the lock when the process ends, however it ends."""
    lock = filelock.FileLock(folder / ".lock")
    try:
        with lock.acquire(timeout=0):
            yield
    except filelock.Timeout:
        raise RunError(
            f"Another process is writing the run in {folder}. Wait for it, or choose another folder."
        ) from None
    except OSError as error:
        raise unwritable(folder / ".lock", error) from error
