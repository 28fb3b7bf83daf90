"""A model on disk: safetensors and JSON, written atomically and verified when read. Loading runs no code."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from isthmus import version
from isthmus.data.scaling import Scaling
from isthmus.errors import IsthmusError, RunError
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.blueprint import Blueprint
from isthmus.model.older import modern_parts, modern_weights
from isthmus.parts.mistakes import brief
from isthmus.plain import utf8
from isthmus.storage.checked import check_tensors, damaged, load_json, read_json
from isthmus.storage.files import MODEL, no_run, unwritable
from isthmus.storage.run_folder import CHECKPOINT, WEIGHTS
from isthmus.storage.sizes import at_most

FORMAT = 2
"""The version of a model's folder. Version 1 had no checksums in its JSON files; it can still be read."""


def describe_model(model: Autoencoder) -> dict[str, Any]:
    """The JSON description from which `model` can be built again."""
    return {
        "format": FORMAT,
        "isthmus": version.VERSION,
        "blueprint": model.blueprint.to_json() if model.blueprint else None,
        "parts": None if model.blueprint else _parts(model),
        "shape": list(model.shape),
        "code_shape": list(model.code_shape),
        "scaling": model.scaling.to_json(),
        **({"columns": list(model.columns)} if model.columns else {}),
        **({"categories": list(map(list, model.categories))} if model.categories else {}),
    }


def fingerprint(model: Autoencoder) -> str:
    """A checksum of everything that codes and decoding depend on: parts, scaling and weights."""
    made = hashlib.sha256()
    told = {name: value for name, value in describe_model(model).items() if name != "isthmus"}
    made.update(json.dumps(told, sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.state_dict().items()):
        made.update(name.encode())
        made.update(np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes())
    return made.hexdigest()[:32]


def _parts(model: Autoencoder) -> dict[str, Any]:
    """The parts around custom modules; the modules are code and are not saved."""
    return {
        "code": model.code.to_json(),
        "distance": model.distance.to_json(),
        "penalties": [penalty.to_json() for penalty in model.objective.penalties],
        "corruption": model.corruption.to_json(),
        "predicts": model.predicts.to_json(),
        "bound": model.bound.to_json(),
        "conditioning": asdict(model.conditioning),
    }


def rebuild(folder: Path, model: Autoencoder | None = None) -> Autoencoder:
    """The model that model.json describes, without its saved weights.

    Raises:
        RunError: the folder has no model, a damaged one, one of a newer format, or one with other custom modules.
        BlueprintError: a part of it is not defined here.
    """
    path = folder / MODEL
    said = read_described(folder)
    if model is not None:
        with damaged(path):
            _check_same(model, said, path)
        return model
    if said["blueprint"] is None:
        raise RunError(
            f"The run in {folder} uses custom modules, which are not saved. Build them again and pass them: "
            "load(folder, model=Autoencoder(…))."
        )
    with damaged(path):
        blueprint = Blueprint.from_json(said["blueprint"])
        shape, scaling = read_shape(said["shape"]), Scaling.from_json(said["scaling"])
        check_scaling(scaling, shape)
        with at_most(max(_size(folder / name) for name in (WEIGHTS, CHECKPOINT))):
            model = blueprint.assemble(shape, scaling)
        model.columns = tuple(map(str, said.get("columns") or ()))
        model.categories = tuple(tuple(map(str, names)) for names in said.get("categories") or ())
    return model


def read_described(folder: Path) -> dict[str, Any]:
    """The description (see `describe_model`) in a folder.

    Raises:
        RunError: the folder has no model, or a damaged one, or one of a newer format.
    """
    path = folder / MODEL
    if not folder.exists():
        raise no_run(folder)
    if not path.exists():
        raise RunError(f"{folder} contains no model: {MODEL} is missing. Give the folder of a run.")
    said = read_json(path)
    if not isinstance(said, dict) or not {"format", "blueprint", "shape", "scaling"} <= said.keys():
        raise RunError(f"{path} is not an Isthmus model description. Give the folder of a run.")
    number = said["format"]
    if type(number) is not int or not 1 <= number <= FORMAT:
        raise RunError(
            f"{folder} has format {brief(number)}, but this version reads formats 1 to {FORMAT}. Update Isthmus."
        )
    return load_json(path, sealed=number > 1)


def put_weights(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy `tensors` into the model, after checking that they match it exactly.

    Raises:
        RunError: names, shapes or types differ from the model's, or a value is not finite.
    """
    tensors = modern_weights(tensors)
    check_tensors(model.state_dict(), tensors, path)
    model.load_state_dict(tensors)


def make_folder(folder: str | Path) -> Path:
    """Create `folder` and its parents if they don't exist yet.

    Raises:
        IsthmusError: it can't be created; the message names the cause.
    """
    folder = Path(folder)
    if utf8(str(folder)) != str(folder):
        raise IsthmusError(f"The folder name {folder} is not UTF-8, so weights can't be saved there. Choose another.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise unwritable(folder, error) from error
    return folder


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def read_shape(said: Any) -> tuple[int, ...]:
    """A sample's shape from JSON; ValueError if it isn't one."""
    if not isinstance(said, list) or not said or not all(type(size) is int and size > 0 for size in said):
        raise ValueError(f"{said!r:.60} is not the shape of a sample")
    return tuple(said)


def _check_same(model: Autoencoder, said: dict[str, Any], path: Path) -> None:
    """Raise RunError unless a model of custom modules has the same parts as when it was saved."""
    own = describe_model(model)
    before = modern_parts(said | (said.get("parts") or said["blueprint"] or {}))
    for name, given in ({name: own[name] for name in ("shape", "code_shape", "scaling")} | _parts(model)).items():
        if name in before and given != before[name]:
            said_before = brief(before[name], 200)
            raise RunError(
                f"The given model has {name.replace('_', ' ')} {brief(given, 200)}, but {path} has {said_before}. "
                f"Build the Autoencoder as it was when you saved it ({name}=…)."
            )


def _spreads_over(part: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether numbers of the shape `part` fit a sample by broadcasting; `torch.broadcast_shapes` would load SymPy."""
    ends = zip(reversed(part), reversed(shape), strict=False)
    return len(part) <= len(shape) and all(size in (1, whole) for size, whole in ends)


def check_scaling(scaling: Scaling, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless a scaling is finite and fits samples of this shape."""
    for name in ("shift", "scale"):
        numbers = getattr(scaling, name)
        if not bool(numbers.isfinite().all()):
            raise ValueError(f"the scaling's {name} is not finite")
        if not _spreads_over(tuple(numbers.shape), shape):
            raise ValueError(f"the scaling's {name} has shape {tuple(numbers.shape)}, but a sample has {shape}")
    if scaling.curve is not None and (len(scaling.curve.unit),) != shape:
        raise ValueError(f"the scaling has {len(scaling.curve.unit)} curves, but a sample has {shape}")
    if scaling.levels and len(scaling.levels) != shape[0]:
        raise ValueError(f"the scaling has {len(scaling.levels)} columns, but a sample has {shape[0]}")
