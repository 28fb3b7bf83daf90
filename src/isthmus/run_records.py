"""The records in a run's folder, each checked before use."""

import math
from pathlib import Path
from typing import Any

from isthmus.data.saved import check_description
from isthmus.filling import Filler
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.store import put_weights, read_described
from isthmus.ngram import NGram
from isthmus.pca import PCA
from isthmus.quantised_pca import QuantisedPCA
from isthmus.storage.checked import damaged, load_json, load_tensors
from isthmus.storage.run_folder import BASELINE, DATA, ENVIRONMENT, FILLING, HISTORY, SETTINGS, WEIGHTS
from isthmus.training.checkpoint import HISTORY_ROWS, Outcome
from isthmus.training.settings import Settings


def read_settings(folder: Path) -> Settings:
    """The settings of the run in a folder.

    Raises:
        RunError: they are missing or damaged.
    """
    said = _read(folder, SETTINGS)
    with damaged(folder / SETTINGS, keep=()):
        return Settings.from_json(said)


def read_description(folder: Path, model: Autoencoder | None = None) -> dict[str, Any]:
    """The description of the data of the run in a folder.

    model: the run's model; the description must fit its samples.

    Raises:
        RunError: it is missing or damaged.
    """
    said = _read(folder, DATA)
    with damaged(folder / DATA, keep=()):
        return check_description(said, None if model is None else model.shape)


def read_environment(folder: Path) -> dict[str, Any]:
    """The environment in which the run in a folder was made.

    Raises:
        RunError: it is missing or damaged.
    """
    said = _read(folder, ENVIRONMENT)
    with damaged(folder / ENVIRONMENT):
        if not isinstance(said, dict) or any(isinstance(value, dict | list) for value in said.values()):
            raise ValueError("expected a table of words and numbers")
    return said


def read_history(folder: Path) -> list[dict[str, Any]]:
    """The history of the run in a folder: one row per epoch.

    Raises:
        RunError: it is missing or damaged.
    """
    said = _read(folder, HISTORY)
    with damaged(folder / HISTORY):
        HISTORY_ROWS.validate_python(said)
    return said


def read_weights(folder: Path, model: Autoencoder | None = None) -> Outcome:
    """How the training of the run in a folder ended; the weights are loaded into the model, if one is given.

    Raises:
        RunError: the weights are missing, damaged or another model's.
    """
    tensors, notes = load_tensors(folder / WEIGHTS)
    if model is not None:
        put_weights(model, tensors, folder / WEIGHTS)
    with damaged(folder / WEIGHTS):
        return Outcome.model_validate(notes)


def read_baseline(folder: Path, model: Autoencoder) -> PCA | NGram | None:
    """The principal components or n-grams that the run in a folder is compared with; None if there are none.

    Raises:
        RunError: they are damaged, or belong to samples of another shape than the model's.
    """
    if not (folder / BASELINE).exists():
        return None
    tensors, _ = load_tensors(folder / BASELINE)
    with damaged(folder / BASELINE):
        pca = NGram.from_tensors(tensors) if "grams1" in tensors else QuantisedPCA.from_tensors(tensors)
        if pca.mean.numel() != math.prod(model.shape):
            raise ValueError(f"it has {pca.mean.numel()} numbers per sample, the model {math.prod(model.shape)}")
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise ValueError("it is not finite")
    return pca


def read_filling(folder: Path, model: Autoencoder) -> Filler | None:
    """What fills holes for the run in a folder; None if it has none.

    Raises:
        RunError: it is damaged, or belongs to other columns than the model's.
    """
    if not (folder / FILLING).exists():
        return None
    tensors, _ = load_tensors(folder / FILLING)
    with damaged(folder / FILLING):
        filling = Filler.from_tensors(tensors)
        if len(filling.layout.levels) != math.prod(model.shape):
            raise ValueError(f"it has {len(filling.layout.levels)} columns, the model {math.prod(model.shape)}")
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            raise ValueError("it is not finite")
    return filling


def _read(folder: Path, name: str) -> Any:
    return load_json(folder / name, sealed=read_described(folder)["format"] > 1)
