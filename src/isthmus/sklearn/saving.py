"""Saving an estimator without pickle: its run, with its parameters and what it has learnt next to it."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isthmus.data import Data, Samples
from isthmus.data.media.medium import medium_of
from isthmus.data.schema.schema import schema_of
from isthmus.errors import RunError
from isthmus.model.blueprint import Blueprint
from isthmus.parts.part import Part
from isthmus.run import Run, load
from isthmus.storage.checked import damaged, load_tensors, save_tensors

FILE = "estimator.safetensors"
"""In the run's folder."""
PARTS = ("train", "validation")


def write(
    path: str | Path,
    name: str,
    run: Run,
    params: dict[str, Any],
    learnt: dict[str, Any],
    *,
    data: bool,
    overwrite: bool = False,
) -> Path:
    """Save an estimator's run in a folder, and the estimator next to it.

    name: of the class. params, learnt: its parameters and attributes. data: whether its data are needed again.
    overwrite: replace a run that is there.

    Raises:
        RunError: the folder has a run already, or a parameter can't be saved.
    """
    notes = {
        "class": name,
        "params": {key: _to_json(key, value) for key, value in params.items()},
        "learnt": {key: _to_json(key, value) for key, value in learnt.items() if not _is_numbers(value)},
    }
    tensors = {f"learnt/{key}": torch.from_numpy(value) for key, value in learnt.items() if _is_numbers(value)}
    if data and run.data is not None:
        for part in PARTS:
            samples = run.data.parts[part]
            tensors[f"{part}/values"] = samples.tensor()
            if samples.labels is not None:
                tensors[f"{part}/labels"] = samples.labels
    folder = run.save(path, overwrite=overwrite)
    save_tensors(folder / FILE, tensors, notes)
    return folder


def read(path: str | Path, name: str, device: str) -> tuple[Run, dict[str, Any], dict[str, Any]]:
    """The run, the parameters and the attributes of an estimator of this class; see `write`.

    Raises:
        RunError: the folder has no such estimator, or a damaged one.
    """
    path = Path(path)
    run = load(path, device=device)
    if not (path / FILE).exists():
        raise RunError(f"{path} has a run, but no estimator. Load the run with isthmus.load({str(path)!r}).")
    tensors, notes = load_tensors(path / FILE)
    with damaged(path / FILE, (RunError,)):
        if notes["class"] != name:
            raise RunError(
                f"{path} has an estimator of the class {notes['class']}: load it with {notes['class']}.load."
            )
        params = {key: _from_json(value) for key, value in notes["params"].items()}
        learnt = {key: _from_json(value) for key, value in notes["learnt"].items()}
        learnt |= {k.removeprefix("learnt/"): v.numpy() for k, v in tensors.items() if k.startswith("learnt/")}
        if "train/values" in tensors:
            run.data = _data(run, tensors)
    return run, params, learnt


def _data(run: Run, tensors: Mapping[str, torch.Tensor]) -> Data:
    """The data of a run in memory from their tensors."""
    about = run.description
    parts = {
        part: Samples(
            tensors[f"{part}/values"],
            tensors.get(f"{part}/labels"),
            tuple(about.get("label_names") or ()),
            kind=about["kind"],
            columns=tuple(about.get("columns") or ()),
            categories=tuple(map(tuple, about.get("categories") or ())),
            medium=medium_of(about),
            schema=schema_of(about),
        )
        for part in PARTS
    }
    none = parts["train"].take([])
    return Data(parts["train"], parts["validation"], none, run.model.scaling.cpu(), dict(about))


def _is_numbers(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind in "biuf"


def _to_json(name: str, value: Any) -> Any:  # noqa: PLR0911 one for each type
    """A parameter or an attribute as JSON data."""
    match value:
        case None | bool() | int() | str():
            return value
        case float() | np.floating():
            return float(value) if math.isfinite(value) else {"float": str(float(value))}
        case np.integer() | np.bool_():
            return value.item()
        case Blueprint():
            return {"blueprint": value.to_json()}
        case Part():
            return {"part": value.to_json(), "family": value.family}
        case tuple() | list():
            return {"tuple" if isinstance(value, tuple) else "list": [_to_json(name, one) for one in value]}
        case np.ndarray():
            return {"array": [_to_json(name, one) for one in value.tolist()], "dtype": value.dtype.str}
        case Mapping():
            return {"dict": {str(key): _to_json(name, one) for key, one in value.items()}}
    raise RunError(
        f"The parameter {name} can't be saved: it has a value of type {type(value).__name__}. Expected numbers, texts, "
        "lists, dictionaries, blueprints or parts of a model. Use pickle instead."
    )


def _from_json(value: Any) -> Any:  # noqa: PLR0911 one for each type
    match value:
        case {"float": text}:
            return float(text)
        case {"blueprint": data}:
            return Blueprint.from_json(data)
        case {"part": data, "family": family}:
            return next(kind for kind in Part.__subclasses__() if kind.family == family).from_json(data)
        case {"tuple": items}:
            return tuple(map(_from_json, items))
        case {"list": items}:
            return list(map(_from_json, items))
        case {"array": items, "dtype": kind}:
            return np.array([_from_json(one) for one in items], dtype=np.dtype(kind))
        case {"dict": items}:
            return {key: _from_json(one) for key, one in items.items()}
    return value
