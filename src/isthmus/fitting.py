"""Training a model into a run: `fit` starts one, `resume` goes on with one, `fit_once` does what is left of one."""

import contextlib
import signal
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import filelock

from isthmus.autoencoder import Autoencoder
from isthmus.blueprint import Blueprint
from isthmus.data import Data, reopen
from isthmus.data.missing import check_whole
from isthmus.doctor import Watch
from isthmus.errors import BlueprintError, DataError, Remark, RunError, TrainingError, remark
from isthmus.files import unwritable, write_json
from isthmus.parts.mistakes import brief
from isthmus.pca import PCA
from isthmus.run import BASELINE, DATA, ENVIRONMENT, HISTORY, SETTINGS, Run, environment, load
from isthmus.store import MODEL, WEIGHTS, describe_model, make_folder, read_json, rebuild, save_tensors
from isthmus.training import CHECKPOINT, BestWeights, Callback, Checkpoint, Checkpoints, ProgressBar, Settings, Training
from isthmus.training.closed_form import solve
from isthmus.training.layerwise import layer_autoencoders, pretrain
from isthmus.training.precision import multiplies_bfloat16
from isthmus.training.settings import find_batch_size, find_device
from isthmus.training.steps import worth_compiling


def fit(
    model: Autoencoder,
    data: Data,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
    pca: PCA | None = None,
    **settings: Any,
) -> Run:
    """Train `model` on the training part of `data`, and keep the weights that do best on the validation part.

        run = fit(model, data, epochs=20, batch_size=256, learning_rate=1e-3, seed=0, out="runs/digits")

    out: the run's folder; without one nothing is written. overwrite: take the place of a run that is there.
    progress: show a bar, and say at once what the doctor sees (`isthmus.doctor.Watch`).
    callbacks: your own, called after the built-in ones. pca: principal components of the same training part, as many as
        the code has or more, where they are known already. The rest are `Settings`.

    Ctrl-C ends training cleanly, with everything saved.

    Raises:
        RunError: the folder holds another run, or one is being written there.
        TrainingError: the loss stopped being finite (the last good weights are kept), or a setting won't do.
        BlueprintError: the model does not fit the data.
    """
    _check_fit(model, data)
    chosen = _decided(model, data, Settings(**settings))
    if out is None:
        return _train(model, data, chosen, None, progress, callbacks, None, pca)
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
        return _train(model, data, chosen, folder, progress, callbacks, None, pca)


def resume(
    folder: str | Path,
    *,
    data: Data | None = None,
    epochs: int | None = None,
    device: str | None = None,
    model: Autoencoder | None = None,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
    pca: PCA | None = None,
) -> Run:
    """Go on with a run that was interrupted or killed, from its last checkpoint, as if nothing had happened.

    data: the same data again, where they came from memory. epochs: more than were planned, to prolong a finished run.
    device: where to go on, such as "cpu", where it shall not be, or can't be, where the run was trained so far; the
        bits are then not those of an unbroken run. model: the same modules again, where they were somebody's own.
    pca: as for `fit`.

    Raises:
        RunError: the folder holds no run that can be resumed.
        TrainingError: there is no such device here.
    """
    folder = Path(folder)
    described = rebuild(folder, model)
    with _locked(folder):
        settings = _on_device(Settings.from_json(read_json(folder / SETTINGS)), device)
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
        return _train(described, data, settings, folder, progress, callbacks, checkpoint, pca)


def _on_device(settings: Settings, wanted: str | None) -> Settings:
    """The settings of a run that goes on, on the device that is wanted, or on one that is here."""
    if wanted is not None:
        return settings.replace(device=str(find_device(wanted)))
    try:
        find_device(settings.device)
    except TrainingError:
        here = str(find_device("auto"))
        remark(f"The run was trained on {settings.device}, which is not here: it goes on on {here}, with other bits.")
        return settings.replace(device=here)
    return settings


def fit_once(
    model: Autoencoder,
    data: Data,
    *,
    out: str | Path,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
    pca: PCA | None = None,
    **settings: Any,
) -> Run:
    """As `fit`, but of the same model, data and settings what is done isn't done again, and what was cut goes on.

    Any other run in the folder is overwritten. Settings that aren't given don't count as different.
    """
    folder = Path(out)
    if not _holds(folder, model, data, settings):
        return fit(model, data, out=folder, overwrite=True, progress=progress, callbacks=callbacks, pca=pca, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)  # that a finished run leaves nothing to do
        own = None if model.blueprint else model
        run = resume(folder, data=data, model=own, progress=progress, callbacks=callbacks, pca=pca)
    run.data = data
    return run


def _train(
    model: Autoencoder,
    data: Data,
    settings: Settings,
    folder: Path | None,
    progress: bool,
    callbacks: Sequence[Callback],
    checkpoint: Checkpoint | None,
    pca: PCA | None,
) -> Run:
    """Train from the start or a checkpoint, then write what came of it."""
    run = Run(model=model, settings=settings, data=data, folder=folder, description=data.description)
    run.environment = environment()
    if pca is not None:
        run.pca = pca.first(run.baseline_size)
    if model.blueprint is not None and model.blueprint.solution == "closed form":
        if folder is not None:
            write_json(folder / MODEL, describe_model(model))
        run.history = solve(model.to(find_device(settings.device)), data.train, data.validation)
        run.best_epoch = 1
    else:
        best = BestWeights(settings.patience, settings.min_delta)
        shown: list[Callback] = [ProgressBar(), Watch()] if progress else []
        kept = [Checkpoints(folder, settings.checkpoint_seconds)] if folder else []
        every = [best, *shown, *callbacks, *kept]
        training = Training(model, data.train, data.validation, settings, every, checkpoint)
        if folder is not None and checkpoint is None:
            training.save_checkpoint(folder)  # before model.json: a folder that has this can always be resumed
            write_json(folder / MODEL, describe_model(model))
        if _is_stacked(model):
            pretrain(
                training,
                lambda layer: [ProgressBar(title=layer)] if progress else [],
                lambda: training.save_checkpoint(folder) if folder is not None else None,
            )
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
    if folder is not None and run.status != "interrupted":
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


def _holds(folder: Path, model: Autoencoder, data: Data, settings: dict[str, Any]) -> bool:
    """Whether a run of this very model, on these data and with these settings, is there, finished or not."""
    if not (folder / MODEL).exists():
        return False
    saved, known = Settings.from_json(read_json(folder / SETTINGS)), read_json(folder / DATA)
    return (
        same_blueprint(read_json(folder / MODEL)["blueprint"], model.blueprint)
        and all(known[name] == data.description[name] for name in ("fingerprint", "counts"))
        and saved.replace(**settings) == saved
    )


def same_blueprint(saved: dict[str, Any] | None, blueprint: Blueprint | None) -> bool:
    """Whether this is the blueprint that was saved; options that have come since are at their defaults in it."""
    if saved is None or blueprint is None:
        return saved is blueprint
    with contextlib.suppress(BlueprintError):
        return Blueprint.from_json(saved) == blueprint
    return False


def _is_stacked(model: Autoencoder) -> bool:
    """Whether its layers are trained one by one first."""
    return model.blueprint is not None and model.blueprint.solution == "layer by layer"


def _check_fit(model: Autoencoder, data: Data) -> None:
    """Say before any training that data and model don't fit, or are something else."""
    if not isinstance(model, Autoencoder):
        raise BlueprintError(
            f"The model given is {brief(model)}: expected an Autoencoder. A Blueprint makes one: blueprint.build(data)."
        )
    if not isinstance(data, Data):
        raise DataError(f"The data given are {brief(data)}: expected what open_data makes. Say open_data(…) first.")
    if len(data.train) == 0:
        raise DataError("The training part holds no samples. Give more data, or a smaller validation and test part.")
    if tuple(data.shape) != tuple(model.shape):
        raise DataError(
            f"These samples have shape {tuple(data.shape)}, the model takes {tuple(model.shape)}. Build the model for "
            "these data: blueprint.build(data)."
        )
    _check_columns(model, data)
    if _is_stacked(model):
        layer_autoencoders(model)
    if data.holed and not model.beside.mask:
        for part in data.parts.values():
            check_whole(part)
    if model.beside.classes and data.train.labels is None:
        raise DataError(
            "The model is conditioned on labels, and these data have none. Give some, or their column (label=)."
        )
    if model.beside.classes and data.train.labels is not None and int(data.train.labels.max()) >= model.beside.classes:
        raise DataError(
            f"These data have the label {int(data.train.labels.max())}, the model knows 0 to "
            f"{model.beside.classes - 1}. Build the model for these data: blueprint.build(data)."
        )


def _check_columns(model: Autoencoder, data: Data) -> None:
    """Raise DataError where a table's columns, or their categories, aren't those of the model; note them where new."""
    if model.columns and data.columns and model.columns != data.columns:
        place, (own, other) = next(
            (
                (place, pair)
                for place, pair in enumerate(zip(model.columns, data.columns, strict=True))
                if len({*pair}) > 1
            )
        )
        same = sorted(model.columns) == sorted(data.columns)
        raise DataError(
            f"Column {place} of these data is {other!r}, and the model was built for {own!r} there. "
            + (f"Open them in the model's order: columns={list(model.columns)}." if same else "")
            + ("" if same else "Give the columns that the model was built for, or build a model for these data.")
        )
    own, other = model.categories or model.scaling.levels, data.train.categories
    if not model.categories:
        other = data.scaling.levels
    if own != other and (own or other):
        place = next((place for place, pair in enumerate(zip(own, other, strict=False)) if pair[0] != pair[1]), 0)
        said = [brief(each[place]) if each else "numbers" for each in (other, own)]
        raise DataError(
            f"Column {place} of these data has the categories {said[0]}, and the model was built for {said[1]}. "
            "Build a model for these data: blueprint.build(data)."
        )
    model.columns, model.categories = model.columns or data.columns, model.categories or data.train.categories


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
