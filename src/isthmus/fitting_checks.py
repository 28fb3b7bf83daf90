"""Checks before training: whether model and data fit each other, and whether all processes have the same."""

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from isthmus import version
from isthmus.data import Data
from isthmus.data.missing import check_whole
from isthmus.errors import BlueprintError, DataError
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.blueprint import Blueprint
from isthmus.model.store import describe_model, read_described
from isthmus.parts.mistakes import brief
from isthmus.run_records import read_description, read_settings
from isthmus.storage.run_folder import holds_run
from isthmus.training import Checkpoint, Settings
from isthmus.training.layerwise import layer_autoencoders
from isthmus.training.processes import Processes


def check_fit(model: Autoencoder, data: Data) -> None:
    """Raise an error before training if data and model don't fit, or have the wrong type."""
    if not isinstance(model, Autoencoder):
        raise BlueprintError(
            f"The model is {brief(model)}: expected an Autoencoder. Build one from a Blueprint: blueprint.build(data)."
        )
    if not isinstance(data, Data):
        raise DataError(f"The data are {brief(data)}: expected the result of open_data. Call open_data(…) first.")
    if len(data.train) == 0:
        raise DataError("The training part has no samples. Give more data, or a smaller validation and test part.")
    if data.kind == "table" and sum(map(len, data.parts.values())) == 1:
        raise DataError("The table has only 1 row (1 sample): a model learns what varies between rows. Give 2 or more.")
    if tuple(data.shape) != tuple(model.shape):
        raise DataError(
            f"The samples have shape {tuple(data.shape)}, but the model takes {tuple(model.shape)}. Build the model "
            "for these data: blueprint.build(data)."
        )
    _check_columns(model, data)
    if is_stacked(model):
        layer_autoencoders(model)
    if data.holed and not model.conditioning.mask:
        for part in data.parts.values():
            check_whole(part)
    if model.conditioning.classes and data.train.labels is None:
        raise DataError(
            "The model is conditioned on labels, but the data have none. Give labels, or name their column (label=)."
        )
    if (
        model.conditioning.classes
        and data.train.labels is not None
        and int(data.train.labels.max()) >= model.conditioning.classes
    ):
        raise DataError(
            f"The data have the label {int(data.train.labels.max())}, but the model has only the labels 0 to "
            f"{model.conditioning.classes - 1}. Build the model for these data: blueprint.build(data)."
        )


def _check_columns(model: Autoencoder, data: Data) -> None:
    """Raise DataError if a table's columns or categories differ from the model's; set them if the model has none."""
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
            f"Column {place} of the data is {other!r}, but the model was built for {own!r} there. "
            + (f"Open the data in the model's order: columns={list(model.columns)}." if same else "")
            + ("" if same else "Give the columns that the model was built for, or build a model for these data.")
        )
    own, other = model.categories or model.scaling.levels, data.train.categories
    if not model.categories:
        other = data.scaling.levels
    if own != other and (own or other):
        place = next((place for place, pair in enumerate(zip(own, other, strict=False)) if pair[0] != pair[1]), 0)
        said = [brief(each[place]) if each else "numbers" for each in (other, own)]
        raise DataError(
            f"Column {place} of the data has the categories {said[0]}, but the model was built for {said[1]}. "
            "Build a model for these data: blueprint.build(data)."
        )
    model.columns, model.categories = model.columns or data.columns, model.categories or data.train.categories


def is_stacked(model: Autoencoder) -> bool:
    """Whether its layers are first trained one by one."""
    return model.blueprint is not None and model.blueprint.solution == "layer by layer"


def holds(folder: Path, model: Autoencoder, data: Data, settings: Settings | dict[str, Any]) -> bool:
    """Whether the folder has a run of this model, these data and these settings, finished or not."""
    if not holds_run(folder):
        return False
    saved, known = read_settings(folder), read_description(folder)
    return (
        same_blueprint(read_described(folder)["blueprint"], model.blueprint)
        and all(known[name] == data.description[name] for name in ("fingerprint", "counts"))
        and (saved == settings if isinstance(settings, Settings) else saved.replace(**settings) == saved)
    )


def same_blueprint(saved: dict[str, Any] | None, blueprint: Blueprint | None) -> bool:
    """Whether this is the saved blueprint; options that are newer than the saved one count with their defaults."""
    if saved is None or blueprint is None:
        return saved is blueprint
    with contextlib.suppress(BlueprintError):
        return Blueprint.from_json(saved) == blueprint
    return False


def check_alike(
    processes: Processes, model: Autoencoder, data: Data, settings: Settings, checkpoint: Checkpoint | None = None
) -> None:
    """Check that all processes train the same model on the same data.

    Raises:
        TrainingError: one of them has another one, or another version of Isthmus.
    """
    if not processes.several:
        return
    described = {**describe_model(model), "isthmus": ""}
    facts = {
        "version of Isthmus": version.VERSION,
        "version of PyTorch": torch.__version__,
        "data": data.description["fingerprint"],
        "number of samples": data.description["counts"],
        "model": hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest(),
        "settings": {**settings.to_json(), "device": torch.device(settings.device).type},
        "checkpoint": None if checkpoint is None else [checkpoint.notes["epoch"], checkpoint.notes["step"]],
    }
    source = "Give all of them the same source."
    processes.check_alike(
        facts,
        {
            "version of Isthmus": "Install the same version everywhere.",
            "version of PyTorch": "Install the same version everywhere.",
            "data": source,
            "number of samples": source,
            "model": "Give all of them the same blueprint.",
            "settings": "Give all of them the same settings.",
            "checkpoint": "The run's folder must be the same for all of them.",
        },
    )
