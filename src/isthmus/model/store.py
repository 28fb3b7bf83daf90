"""A model on disk: safetensors and JSON, written whole, verified when read; nothing that is loaded runs code."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
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
"""Of a model's folder: 1 had no checksums in its JSON files, and is read too."""


def describe_model(model: Autoencoder) -> dict[str, Any]:
    """What is needed to build `model` again, as JSON can hold it."""
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


def _parts(model: Autoencoder) -> dict[str, Any]:
    """The composition around somebody's own modules, which are code, and not written down."""
    return {
        "code": model.code.to_json(),
        "distance": model.distance.to_json(),
        "penalties": [penalty.to_json() for penalty in model.objective.penalties],
        "corruption": model.corruption.to_json(),
        "predicts": model.predicts.to_json(),
        "bound": model.bound,
        "conditioning": asdict(model.conditioning),
    }


def rebuild(folder: Path, model: Autoencoder | None = None) -> Autoencoder:
    """The model that model.json describes, with weights yet to be put in.

    Raises:
        RunError, BlueprintError: as `load_model`.
    """
    path = folder / MODEL
    said = read_described(folder)
    if model is not None:
        with damaged(path):
            _check_same(model, said, path)
        return model
    if said["blueprint"] is None:
        raise RunError(
            f"{folder} holds a model made of modules of somebody's own. Build the same modules and give them: "
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
    """What `describe_model` gave, from a folder.

    Raises:
        RunError: the folder holds no model, or a damaged one, or one of a newer format.
    """
    path = folder / MODEL
    if not folder.exists():
        raise no_run(folder)
    if not path.exists():
        raise RunError(f"{folder} holds no model: {MODEL} is missing. Give the folder of a run.")
    said = read_json(path)
    if not isinstance(said, dict) or not {"format", "blueprint", "shape", "scaling"} <= said.keys():
        raise RunError(f"{path} is not Isthmus' description of a model. Give the folder of a run.")
    number = said["format"]
    if type(number) is not int or not 1 <= number <= FORMAT:
        raise RunError(
            f"{folder} was written in format {brief(number)}, this version reads formats 1 to {FORMAT}. Update Isthmus."
        )
    return load_json(path, sealed=number > 1)


def put_weights(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy `tensors` into the model, after checking that they are exactly its own.

    Raises:
        RunError: names, shapes or kinds differ from the model's, or a value is not finite.
    """
    tensors = modern_weights(tensors)
    check_tensors(model.state_dict(), tensors, path)
    model.load_state_dict(tensors)


def make_folder(folder: str | Path) -> Path:
    """Make `folder` and its parents where they aren't there yet.

    Raises:
        IsthmusError: it can't be made, with the cause.
    """
    folder = Path(folder)
    if utf8(str(folder)) != str(folder):
        raise IsthmusError(f"The name {folder} is not UTF-8, and weights can't be kept there. Choose another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise unwritable(folder, error) from error
    return folder


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def read_shape(said: Any) -> tuple[int, ...]:
    """A sample's shape as JSON has it; ValueError where it is none."""
    if not isinstance(said, list) or not said or not all(type(size) is int and size > 0 for size in said):
        raise ValueError(f"{said!r:.60} is no shape of a sample")
    return tuple(said)


def _check_same(model: Autoencoder, said: dict[str, Any], path: Path) -> None:
    """Raise RunError unless modules of somebody's own come back in the composition that they were saved in."""
    own = describe_model(model)
    before = modern_parts(said | (said.get("parts") or said["blueprint"] or {}))
    for name, given in ({name: own[name] for name in ("shape", "code_shape", "scaling")} | _parts(model)).items():
        if name in before and given != before[name]:
            said_before = brief(before[name], 200)
            raise RunError(
                f"The {name.replace('_', ' ')} given is {brief(given, 200)}, but {path} says {said_before}. "
                f"Build the Autoencoder as it was when it was saved ({name}=…)."
            )


def check_scaling(scaling: Scaling, shape: tuple[int, ...]) -> None:
    """Raise ValueError unless a scaling is of finite numbers for samples of this shape."""
    for name in ("shift", "scale"):
        numbers = getattr(scaling, name)
        if not bool(numbers.isfinite().all()):
            raise ValueError(f"the scaling's {name} is not finite")
        if torch.broadcast_shapes(numbers.shape, shape) != shape:
            raise ValueError(f"the scaling's {name} is of shape {tuple(numbers.shape)}, a sample of {shape}")
    if scaling.levels and len(scaling.levels) != shape[0]:
        raise ValueError(f"the scaling knows {len(scaling.levels)} columns, a sample has {shape[0]}")
