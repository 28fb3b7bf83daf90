"""Training a model into a run: `fit` starts one, `resume` goes on with one, `fit_once` does what is left of one."""

import contextlib
import signal
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isthmus.data import Data, reopen
from isthmus.data.missing import check_whole
from isthmus.doctor import Watch
from isthmus.errors import BlueprintError, DataError, Remark, RunError, TrainingError, remark
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.blueprint import Blueprint
from isthmus.model.store import describe_model, make_folder, read_described, rebuild
from isthmus.parts.mistakes import brief
from isthmus.pca import PCA
from isthmus.run import Run, environment, load
from isthmus.run_records import read_description, read_settings, read_weights
from isthmus.storage.checked import save_json, save_tensors
from isthmus.storage.files import MODEL, no_run, remove_file
from isthmus.storage.run_folder import (
    CHECKPOINT,
    DATA,
    ENVIRONMENT,
    SETTINGS,
    WEIGHTS,
    abandon,
    begin,
    commit,
    finish_move,
    holds_run,
    locked,
    place_of_training,
)
from isthmus.training import BestWeights, Callback, Checkpoint, Checkpoints, ProgressBar, Settings, Training, choice
from isthmus.training.checkpoint import save_history
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

    out: the run's folder; without one nothing is written.
    overwrite: take the place of a run that is there, when this one has ended. Until then the old one stays. Where this
        one is stopped or fails on the way, both are there: `load` gives the old one, `resume` goes on with this one.
    progress: show a bar, and say at once what was chosen and what the doctor sees (`isthmus.doctor.Watch`).
    callbacks: your own, called after the built-in ones. pca: principal components of the same training part, as many as
        the code has or more, where they are known already. The rest are `Settings`. Where `epochs` are left out, they,
        batch size, learning rate, schedule and patience are chosen from model and data (`isthmus.training.choice`), but
        for those that are given; with `epochs` the others are at the defaults of `Settings`.

    Ctrl-C ends training cleanly, with everything saved.

    Raises:
        RunError: the folder holds another run, or one is being written there.
        TrainingError: the loss stopped being finite (the last good weights are kept), or a setting won't do.
        BlueprintError: the model does not fit the data.
    """
    _check_fit(model, data)
    chosen = _decided(model, data, _chosen(model, data, settings, progress))
    if out is None:
        return _train(model, data, chosen, None, progress, callbacks, None, pca)
    folder = make_folder(out)
    with locked(folder):
        if (folder / MODEL).exists() and not overwrite:
            raise RunError(
                f"{folder} holds a run already. Choose another folder, say overwrite=True to take its "
                f"place, or continue it: isthmus resume {folder}."
            )
        place = begin(folder)
        try:
            save_json(place / DATA, data.description)
            save_json(place / SETTINGS, chosen.to_json())
            save_json(place / ENVIRONMENT, environment())
            return _train(model, data, chosen, place, progress, callbacks, None, pca, home=folder)
        except BaseException:
            abandon(folder)
            raise


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

    Where a run was begun that is to take another's place (`fit` with overwrite=True), it is this one that goes on.

    data: the same data again, where they came from memory. epochs: more than were planned, to prolong a finished run.
        It is remembered at once: when this training is killed too, the next `resume` goes on to it.
    device: where to go on, such as "cpu", where it shall not be, or can't be, where the run was trained so far; the
        bits are then not those of an unbroken run. model: the same modules again, for a run with custom modules.
    pca: as for `fit`.

    Raises:
        RunError: the folder holds no run that can be resumed, or has done more epochs already.
        TrainingError: there is no such device here.
    """
    return _resume(Path(folder), None, data, epochs, device, model, progress, callbacks, pca)


def _resume(
    folder: Path,
    place: Path | None,
    data: Data | None,
    epochs: int | None,
    device: str | None,
    model: Autoencoder | None,
    progress: bool,
    callbacks: Sequence[Callback],
    pca: PCA | None,
) -> Run:
    """`place`: where in the folder the training is, if that is known."""
    if not folder.exists():
        raise no_run(folder)
    finish_move(folder)
    read_described(place or place_of_training(folder))  # before anything is written there, the lock included
    with locked(folder):
        place = place or place_of_training(folder)
        described = rebuild(place, model)
        settings = _on_device(read_settings(place), device)
        data = reopen(read_description(place)) if data is None else data
        _check_fit(described, data)
        checkpoint = Checkpoint.read(place) if (place / CHECKPOINT).exists() else None
        solved = described.blueprint is not None and described.blueprint.solution == "closed form"
        if checkpoint is None and not solved and (epochs is not None or not (place / WEIGHTS).exists()):
            raise RunError(f"The run in {folder} has no checkpoint, without which it can't go on. Train again.")
        goal = settings.epochs
        if epochs is not None:
            goal = settings.replace(epochs=epochs).epochs
        elif checkpoint is not None:  # settings.json is written after it
            goal = checkpoint.notes.get("epochs") or goal
        if checkpoint is not None and epochs is not None:
            checkpoint.prolong(goal)
        if goal != settings.epochs:
            settings = settings.replace(epochs=goal)
            save_json(place / SETTINGS, settings.to_json())
        if (place / WEIGHTS).exists() and _is_done(place, checkpoint, goal):
            if place != folder:
                commit(folder)
            run = load(folder, model=model, device=settings.device)
            prolongs = "" if checkpoint is None else " epochs= prolongs it."
            remark(f"The run in {folder} is {run.status}: nothing is left to do.{prolongs}")
            return run
        remove_file(place / WEIGHTS)
        return _train(described, data, settings, place, progress, callbacks, checkpoint, pca, home=folder)


def _is_done(place: Path, checkpoint: Checkpoint | None, epochs: int) -> bool:
    """Whether a run whose weights are there has nothing left to do; its checkpoint decides, if it has one."""
    status = read_weights(place).status
    return checkpoint is None or (checkpoint.ended(epochs) and checkpoint.notes["status"] == status)


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
    if folder.exists():
        finish_move(folder)
    places = [place for place in (folder, place_of_training(folder)) if _holds(place, model, data, settings)]
    if not places:
        return fit(model, data, out=folder, overwrite=True, progress=progress, callbacks=callbacks, pca=pca, **settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)  # that a finished run leaves nothing to do
        own = None if model.blueprint else model
        run = _resume(folder, places[0], data, None, None, own, progress, callbacks, pca)
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
    home: Path | None = None,
) -> Run:
    """Train from the start or a checkpoint, then write what came of it.

    folder: where the run is while it is trained. home: the folder in which it takes its place at the end.
    """
    run = Run(model=model, settings=settings, data=data, folder=folder, description=data.description)
    run.environment = environment()
    if pca is not None:
        run.pca = pca.first(run.baseline_size)
    if model.blueprint is not None and model.blueprint.solution == "closed form":
        if folder is not None:
            save_json(folder / MODEL, describe_model(model))
        run.history = solve(model.to(find_device(settings.device)), data.train, data.validation)
        run.best_epoch, asked = 1, ""
    else:
        best = BestWeights(settings.patience, settings.min_delta)
        shown: list[Callback] = [ProgressBar(), Watch()] if progress else []
        kept = [Checkpoints(folder, settings.checkpoint_seconds)] if folder else []
        every = [best, *shown, *callbacks, *kept]
        training = Training(model, data.train, data.validation, settings, every, checkpoint)
        if folder is not None and checkpoint is None:
            training.save_checkpoint(folder)  # before model.json: a folder that has this can always be resumed
            save_json(folder / MODEL, describe_model(model))
        if _is_stacked(model):
            pretrain(
                training,
                lambda layer: [ProgressBar(title=layer)] if progress else [],
                lambda: training.save_checkpoint(folder) if folder is not None else None,
            )
        state = training.run()
        best.give(model)
        run.history, run.status, run.reason = state.history, state.status, state.reason
        run.best_epoch, asked = state.best_epoch, state.signal
    if folder is not None:
        notes = {"status": run.status, "reason": run.reason, "best_epoch": run.best_epoch}
        save_history(folder, run.history)
        save_tensors(folder / WEIGHTS, model.state_dict(), notes)
        if home is not None and folder != home and run.status in ("finished", "stopped early"):
            commit(home)
            run.folder = home
    if asked == signal.Signals.SIGTERM.name:  # somebody wants the process to end, and all is saved
        signal.raise_signal(signal.SIGTERM)
    if run.folder is not None and run.status != "interrupted":
        run.baseline()
    if run.status == "diverged":
        kept = f"weights of epoch {run.best_epoch}" if run.best_epoch else "weights from before the first epoch"
        raise TrainingError(f"{run.reason} The {kept} are kept in {run.folder or 'the model'}.")
    return run


def _chosen(model: Autoencoder, data: Data, given: dict[str, Any], progress: bool) -> Settings:
    """The settings that are given, and the others chosen from model and data, but for what needs no steps."""
    if "epochs" in given or (model.blueprint is not None and model.blueprint.solution == "closed form"):
        return Settings(**given)
    settings = choice.chosen(model, data.train, given)
    if progress:
        names = "=, ".join(name for name in choice.OPEN if name not in given)
        print(f"Chosen: {choice.in_words(model, settings)}; change with {names}=.", file=sys.stderr)
    return settings


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
    if not holds_run(folder):
        return False
    saved, known = read_settings(folder), read_description(folder)
    return (
        same_blueprint(read_described(folder)["blueprint"], model.blueprint)
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
    if data.holed and not model.conditioning.mask:
        for part in data.parts.values():
            check_whole(part)
    if model.conditioning.classes and data.train.labels is None:
        raise DataError(
            "The model is conditioned on labels, and these data have none. Give some, or their column (label=)."
        )
    if (
        model.conditioning.classes
        and data.train.labels is not None
        and int(data.train.labels.max()) >= model.conditioning.classes
    ):
        raise DataError(
            f"These data have the label {int(data.train.labels.max())}, the model knows 0 to "
            f"{model.conditioning.classes - 1}. Build the model for these data: blueprint.build(data)."
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
