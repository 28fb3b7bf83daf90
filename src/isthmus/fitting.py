"""Training a model into a run: `fit` starts one, `resume` continues one, `fit_once` does only the remaining work."""

import contextlib
import signal
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from isthmus.data import Data, reopen
from isthmus.doctor import Watch
from isthmus.errors import ElsewhereError, Remark, RunError, TrainingError, remark
from isthmus.fitting_checks import check_alike, check_fit, holds, is_stacked
from isthmus.launch import launched
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.store import describe_model, make_folder, read_described, rebuild
from isthmus.notebook import say
from isthmus.pca import PCA
from isthmus.run import Run, environment, load
from isthmus.run_records import read_description, read_environment, read_settings, read_weights
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
    locked,
    place_of_training,
)
from isthmus.threads import shared_cores
from isthmus.trackers import Tracker, named, of_checkpoint, tracked
from isthmus.training import BestWeights, Callback, Checkpoint, Checkpoints, ProgressBar, Settings, Training, choice
from isthmus.training.afterwards import learn_prior
from isthmus.training.checkpoint import save_history
from isthmus.training.closed_form import solve
from isthmus.training.layerwise import pretrain
from isthmus.training.precision import multiplies_bfloat16
from isthmus.training.processes import Processes, find_processes
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
    track: str | Sequence[str] = (),
    pca: PCA | None = None,
    **settings: Any,
) -> Run:
    """Train `model` on the training part of `data`, and keep the weights that are best on the validation part.

        run = fit(model, data, epochs=20, batch_size=256, learning_rate=1e-3, seed=0, out="runs/digits")

    out: the run's folder; without one, nothing is written.
    overwrite: replace an existing run when this one has ended. Until then the old run stays. If this run is stopped or
        fails, both exist: `load` returns the old run, and `resume` continues this one.
    progress: show a progress bar, the chosen settings, and the doctor's findings (`isthmus.doctor.Watch`).
    callbacks: your own, called after the built-in ones. pca: principal components of the same training part, at least
        as many as the code has dimensions, if you have them already.
    track: the tools that the run is written to: "tensorboard", "mlflow", "wandb", "trackio", several as a list or with
        commas. For their options, give trackers as callbacks: `callbacks=[ist.trackers.MLflow(experiment="digits")]`.
    Started by torchrun in several processes, it trains with all of them (`isthmus.training.processes`): each takes its
    share of every batch, and the first one writes the run. Your callbacks are called in every process.

    settings: the fields of `Settings`. Without `epochs`, the epochs, batch size, learning rate, schedule and patience
        that you don't set are chosen from model and data (`isthmus.training.choice`). With `epochs`, the others have
        the defaults of `Settings`.

    Ctrl-C ends training cleanly, with everything saved.

    Raises:
        RunError: the folder has another run, or another process is writing one there.
        TrainingError: the loss is no longer finite (the last good weights are kept), or a setting is invalid.
        BlueprintError: the model does not fit the data.
    """
    check_fit(model, data)
    callbacks = [*callbacks, *named(track)]
    processes = find_processes()
    progress = progress and processes.chief
    chosen = _decided(model, data, _chosen(model, data, settings, progress))
    check_alike(processes, model, data, chosen)
    if launched().restarts and out is not None and (again := _goes_on(Path(out), processes, model, data, chosen)):
        return _resume(Path(out), again, data, None, None, model, progress, callbacks, pca)
    made = environment() | {"chosen": ", ".join([*model.left_open, *_left_open(model, data, chosen, settings)])}
    if out is not None and not processes.chief:
        with processes.first_alone():  # it makes the folder
            pass
    if out is None or not processes.chief:
        return _train(model, data, chosen, made, None, progress, callbacks, None, pca, processes)
    with contextlib.ExitStack() as held:
        with processes.first_alone():
            folder = make_folder(out)
            held.enter_context(locked(folder))
            if (folder / MODEL).exists() and not overwrite:
                raise RunError(
                    f"{folder} has a run already. Choose another folder, pass overwrite=True to replace the run, or "
                    f"continue it: isthmus resume {folder}."
                )
            place = begin(folder)
        try:
            save_json(place / DATA, data.description)
            save_json(place / SETTINGS, chosen.to_json())
            save_json(place / ENVIRONMENT, made)
            return _train(model, data, chosen, made, place, progress, callbacks, None, pca, processes, home=folder)
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
    track: str | Sequence[str] | None = None,
    pca: PCA | None = None,
) -> Run:
    """Continue an interrupted or killed run from its last checkpoint; the result is that of an unbroken run.

    If a new run that will replace an old one is unfinished (`fit` with overwrite=True), the new one is continued.

    data: the same data again, if they came from memory. epochs: more than planned, to prolong a finished run. The
        number is saved at once: if this training is killed too, the next `resume` continues to it.
    device: another device to continue on, such as "cpu"; it draws other random numbers, so the result then differs
        from that of an unbroken run. model: the same modules again, for a run with custom modules.
    track: other tools to write the run to, as for `fit`; None is those of the run so far, and "none" is no tool.
    pca: as for `fit`.

    Raises:
        RunError: the folder has no run that can be resumed, or the run has done more epochs already.
        TrainingError: the device is not available.
    """
    return _resume(Path(folder), None, data, epochs, device, model, progress, callbacks, pca, track)


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
    track: str | Sequence[str] | None = None,
) -> Run:
    """As `resume`. place: the folder of the unfinished training, if known."""
    processes = find_processes()
    with contextlib.ExitStack() as held:
        prepared: tuple[Run | None, Path, Opened] | None = None
        with processes.first_alone():
            if processes.chief:
                prepared = _prepared(folder, place, data, epochs, device, model, held)
        said = None if prepared is None else [str(prepared[1]), prepared[0] is not None]
        where, done = processes.exchange(said)[0]
        if done:
            return prepared[0] if prepared and prepared[0] else load(folder, model=model)
        place = Path(where)
        described, settings, data, checkpoint = prepared[2] if prepared else _opened(place, data, device, model)
        check_alike(processes, described, data, settings, checkpoint)
        if track is not None:
            callbacks = [*callbacks, *named(track)]
        elif checkpoint is not None and processes.chief:
            callbacks = [*callbacks, *of_checkpoint(checkpoint.notes["callbacks"], callbacks)]
        made = environment() | {"chosen": read_environment(place).get("chosen", "")}
        progress = progress and processes.chief
        own, home = (place, folder) if processes.chief else (None, None)
        return _train(described, data, settings, made, own, progress, callbacks, checkpoint, pca, processes, home=home)


Opened = tuple[Autoencoder, Settings, Data, Checkpoint | None]
"""Of a run that is resumed."""


def _opened(place: Path, data: Data | None, device: str | None, model: Autoencoder | None) -> Opened:
    """Read what a training needs to go on."""
    described = rebuild(place, model)
    settings = _on_device(read_settings(place), device)
    data = reopen(read_description(place)) if data is None else data
    check_fit(described, data)
    return described, settings, data, Checkpoint.read(place) if (place / CHECKPOINT).exists() else None


def _prepared(
    folder: Path,
    place: Path | None,
    data: Data | None,
    epochs: int | None,
    device: str | None,
    model: Autoencoder | None,
    held: contextlib.ExitStack,
) -> tuple[Run | None, Path, Opened]:
    """Lock the run and set its goal. Returns the run if it is complete, and where its training is, opened."""
    if not folder.exists():
        raise no_run(folder)
    finish_move(folder)
    read_described(place or place_of_training(folder))  # before writing anything there, even the lock
    held.enter_context(locked(folder))
    place = place or place_of_training(folder)
    described, settings, data, checkpoint = _opened(place, data, device, model)
    solved = described.blueprint is not None and described.blueprint.solution == "closed form"
    if checkpoint is None and not solved and (epochs is not None or not (place / WEIGHTS).exists()):
        raise RunError(f"The run in {folder} has no checkpoint, so it can't be continued. Train it again.")
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
    opened = described, settings, data, checkpoint
    if (place / WEIGHTS).exists() and _is_done(place, checkpoint, goal):
        if place != folder:
            commit(folder)
        run = load(folder, model=model, device=settings.device)
        prolongs = "" if checkpoint is None else " To prolong it, set epochs=."
        remark(f"The run in {folder} is {run.status}: there is nothing left to do.{prolongs}")
        return run, place, opened
    remove_file(place / WEIGHTS)
    return None, place, opened


def _is_done(place: Path, checkpoint: Checkpoint | None, epochs: int) -> bool:
    """Whether a run with saved weights is complete; its checkpoint decides, if it has one."""
    status = read_weights(place).status
    return checkpoint is None or (checkpoint.ended(epochs) and checkpoint.notes["status"] == status)


def _on_device(settings: Settings, wanted: str | None) -> Settings:
    """The settings of a continued run, on the wanted device or on an available one."""
    if wanted is not None:
        return settings.replace(device=str(find_device(wanted)))
    try:
        find_device(settings.device)
    except TrainingError:
        here = str(find_device("auto"))
        remark(
            f"The run was trained on {settings.device}, which is not available here. It continues on {here}, so the "
            "result differs from that of an unbroken run."
        )
        return settings.replace(device=here)
    return settings


def fit_once(
    model: Autoencoder,
    data: Data,
    *,
    out: str | Path,
    overwrite: bool = True,
    progress: bool = True,
    callbacks: Sequence[Callback] = (),
    pca: PCA | None = None,
    **settings: Any,
) -> Run:
    """As `fit`, but a finished run of the same model, data and settings is reused, and an unfinished one is continued.

    Settings that you don't give don't count as different. overwrite: replace any other run in the folder.
    """
    folder, processes = Path(out), find_processes()
    place = _goes_on(folder, processes, model, data, settings)
    if place is None:
        how: dict[str, Any] = {"progress": progress, "callbacks": callbacks, "pca": pca, **settings}
        return fit(model, data, out=folder, overwrite=overwrite, **how)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)  # about a finished run
        own = None if model.blueprint else model
        run = _resume(folder, place, data, None, None, own, progress, callbacks, pca)
    run.data = data
    return run


def _goes_on(
    folder: Path, processes: Processes, model: Autoencoder, data: Data, settings: Settings | dict[str, Any]
) -> Path | None:
    """Where the folder has a run of this model, these data and these settings, finished or not, if it has one."""
    found: list[Path] = []
    with processes.first_alone():
        if processes.chief:
            if folder.exists():
                finish_move(folder)
            found = [place for place in (folder, place_of_training(folder)) if holds(place, model, data, settings)]
    place = processes.exchange(str(found[0]) if found else None)[0]
    return None if place is None else Path(place)


@shared_cores()
def _train(
    model: Autoencoder,
    data: Data,
    settings: Settings,
    made: dict[str, Any],
    folder: Path | None,
    progress: bool,
    callbacks: Sequence[Callback],
    checkpoint: Checkpoint | None,
    pca: PCA | None,
    processes: Processes,
    home: Path | None = None,
) -> Run:
    """Train from the start or from a checkpoint, then write the result.

    made: the run's environment. folder: of the run during training. home: the folder that it moves to at the end.
    """
    run = Run(model=model, settings=settings, data=data, folder=folder, description=data.description, environment=made)
    if pca is not None:
        run.pca = pca.first(run.baseline_size)
    if not processes.chief:
        callbacks = [callback for callback in callbacks if not isinstance(callback, Tracker)]
    with tracked(run, callbacks, home, announce=progress) as conclude:
        return _carry_out(run, data, folder, progress, callbacks, checkpoint, home, conclude, processes)


def _carry_out(
    run: Run,
    data: Data,
    folder: Path | None,
    progress: bool,
    callbacks: Sequence[Callback],
    checkpoint: Checkpoint | None,
    home: Path | None,
    conclude: Callable[[], None],
    processes: Processes,
) -> Run:
    """Train and write, as `_train`. conclude: called when all is saved."""
    model, settings = run.model, run.settings
    if model.blueprint is not None and model.blueprint.solution == "closed form":
        if folder is not None:
            save_json(folder / MODEL, describe_model(model))
        where = model.to(find_device(settings.device))
        run.history = solve(where, data.train, data.validation, seed=settings.seed, processes=processes)
        run.best_epoch, asked = 1, ""
    else:
        best = BestWeights(settings.patience, settings.min_delta)
        shown: list[Callback] = [ProgressBar(), Watch()] if progress else []
        kept = [Checkpoints(folder, settings.checkpoint_seconds)] if folder else []
        every = [best, *shown, *callbacks, *kept]
        training = Training(model, data.train, data.validation, settings, every, checkpoint, processes=processes)
        if folder is not None and checkpoint is None:
            training.save_checkpoint(folder)  # before model.json: a folder that has this can always be resumed
            save_json(folder / MODEL, describe_model(model))
        if is_stacked(model):
            pretrain(
                training,
                lambda layer: [ProgressBar(title=layer)] if progress else [],
                lambda: training.save_checkpoint(folder) if folder is not None else None,
            )
        state = training.run()
        best.give(model)
        run.history, run.status, run.reason = state.history, state.status, state.reason
        learn_prior(model, data.train, settings.seed, state.status)
        run.best_epoch, asked = state.best_epoch, state.signal
    with processes.first_alone():
        if folder is not None:
            notes = {"status": run.status, "reason": run.reason, "best_epoch": run.best_epoch}
            save_history(folder, run.history)
            save_tensors(folder / WEIGHTS, model.state_dict(), notes)
            if home is not None and folder != home and run.status in ("finished", "stopped early"):
                commit(home)
                run.folder = home
        conclude()
    if asked == signal.Signals.SIGTERM.name:  # the process was asked to end, and all is saved
        signal.raise_signal(signal.SIGTERM)
    if run.folder is not None and run.status != "interrupted":
        run.baseline()
        if model.corruption.hides or data.holed:
            run.filler()
    if run.status == "diverged":
        if not processes.chief:
            raise ElsewhereError("The training diverged. Process 0 says why.")
        kept = f"weights of epoch {run.best_epoch}" if run.best_epoch else "weights from before the first epoch"
        raise TrainingError(f"{run.reason} The {kept} are kept in {run.folder or 'the model'}.")
    return run


def _chosen(model: Autoencoder, data: Data, given: dict[str, Any], progress: bool) -> Settings:
    """The given settings, and the others chosen from model and data, unless the model is solved in closed form."""
    if "epochs" in given or (model.blueprint is not None and model.blueprint.solution == "closed form"):
        return Settings(**given)
    settings = choice.chosen(model, data.train, given)
    if progress:
        names = "=, ".join(name for name in choice.OPEN if name not in given)
        say(f"Chosen: {choice.in_words(model, settings)}; change with {names}=.")
    return settings


def _left_open(model: Autoencoder, data: Data, settings: Settings, given: dict[str, Any]) -> list[str]:
    """The names of the settings that were chosen, or that equal the choice where all are given (by the command)."""
    if model.blueprint is not None and model.blueprint.solution == "closed form":
        return []
    if "epochs" not in given:
        return [name for name in choice.OPEN if name not in given]
    if not set(choice.OPEN) <= given.keys():
        return []
    ours = choice.chosen(model, data.train, {"batch_size": settings.batch_size})
    ours = ours.replace(batch_size=choice.batch_size(data.train.kind, len(data.train)))
    return [name for name in choice.OPEN if getattr(ours, name) == getattr(settings, name)]


def _decided(model: Autoencoder, data: Data, settings: Settings) -> Settings:
    """The settings with every "auto" decided, so that a resumed run makes the same choices."""
    device = find_device(settings.device)
    settings = settings.replace(batch_size=find_batch_size(settings, len(data.train)))
    if settings.compile == "auto":
        settings = settings.replace(compile=worth_compiling(model, settings, len(data.train), device))
    if settings.precision == "bfloat16" and not multiplies_bfloat16(device):
        remark(
            "This processor has no instructions for bfloat16, so training will be slower than with float32. "
            "Set precision='float32'."
        )
    return settings.replace(device=str(device))
