"""A model on disk: safetensors and JSON, written whole, verified when read; nothing that is loaded runs code."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from isthmus import version
from isthmus.autoencoder import Autoencoder
from isthmus.blueprint import Blueprint
from isthmus.data.scaling import Scaling
from isthmus.errors import BlueprintError, IsthmusError, RunError
from isthmus.files import MODEL, json_text, no_run, unwritable, whole_file
from isthmus.parts.mistakes import brief

FORMAT = 1
WEIGHTS = "weights.safetensors"


def save_model(model: Autoencoder, folder: str | Path) -> Path:
    """Write `model` into `folder`: what it is (model.json) and its weights (weights.safetensors).

    Raises:
        IsthmusError: the folder can't be written to.
    """
    folder = make_folder(folder)
    with whole_file(folder / MODEL) as beside:  # so that a disk that fills leaves neither new without the other
        beside.write_text(json_text(describe_model(model)), encoding="utf-8")
        save_tensors(folder / WEIGHTS, model.state_dict())
    return folder


def load_model(folder: str | Path, *, model: Autoencoder | None = None) -> Autoencoder:
    """The model that `save_model` wrote, in evaluation mode.

    model: the same modules again, in an Autoencoder built as before, where they were somebody's own.

    Raises:
        RunError: the folder holds no model, or a damaged one, or one of a newer format.
        BlueprintError: the model names a part that nobody has defined.
    """
    folder = Path(folder)
    model = rebuild(folder, model)
    tensors, _ = load_tensors(folder / WEIGHTS)
    put_weights(model, tensors, folder / WEIGHTS)
    return model.eval()


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
        "penalties": [penalty.to_json() for penalty in model.penalties],
        "corruption": model.corruption.to_json() if model.corruption else None,
        "bound": model.bound,
        "beside": asdict(model.beside),
    }


def rebuild(folder: Path, model: Autoencoder | None = None) -> Autoencoder:
    """The model that model.json describes, with weights yet to be put in.

    Raises:
        RunError, BlueprintError: as `load_model`.
    """
    path = folder / MODEL
    if not folder.exists():
        raise no_run(folder)
    if not path.exists():
        raise RunError(f"{folder} holds no model: {MODEL} is missing. Give the folder of a run.")
    said = read_json(path)
    if not isinstance(said, dict) or not {"format", "blueprint", "shape", "scaling"} <= said.keys():
        raise RunError(f"{path} is not Isthmus' description of a model. Give the folder of a run.")
    if said["format"] != FORMAT:
        raise RunError(
            f"{folder} was written in format {said['format']!r}, this version reads format {FORMAT}. Update Isthmus."
        )
    if model is not None:
        _check_same(model, said, path)
        return model
    if said["blueprint"] is None:
        raise RunError(
            f"{folder} holds a model made of modules of somebody's own. Build the same modules and give them: "
            "load(folder, model=Autoencoder(…))."
        )
    try:
        blueprint = Blueprint.from_json(said["blueprint"])
        shape = _shape(said["shape"])
        scaling = Scaling.from_json(said["scaling"])
    except BlueprintError:
        raise
    except (IsthmusError, TypeError, ValueError, KeyError) as error:
        raise RunError(f"{path} is damaged: {error}. Restore it from a copy, or train again.") from error
    model = blueprint.build(_Described(shape, scaling), remarks=False, fresh=False)
    model.columns = tuple(map(str, said.get("columns") or ()))
    model.categories = tuple(tuple(map(str, names)) for names in said.get("categories") or ())
    return model


def put_weights(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy `tensors` into the model, after checking that they are exactly its own.

    Raises:
        RunError: names, shapes or kinds differ from the model's, or a value is not finite.
    """
    own = model.state_dict()
    if own.keys() != tensors.keys():
        odd = sorted(own.keys() ^ tensors.keys())
        raise RunError(
            f"The weights in {path} are not this model's: {odd[0]!r} is only on one side ({len(odd)} such in all). "
            "Restore the folder from a copy, or train again."
        )
    for name, tensor in tensors.items():
        if tensor.shape != own[name].shape or tensor.dtype != own[name].dtype:
            raise RunError(
                f"{name!r} in {path} is {tensor.dtype} {tuple(tensor.shape)}, the model's is {own[name].dtype} "
                f"{tuple(own[name].shape)}. Restore the folder from a copy, or train again."
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise RunError(f"{name!r} in {path} holds values that are not finite. Train again.")
    model.load_state_dict(dict(tensors))


def save_tensors(path: str | Path, tensors: Mapping[str, Tensor], notes: Any = None) -> None:
    """Write tensors, and notes that JSON can hold, as one safetensors file with a checksum, whole or not at all."""
    plain = _apart({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    text = json.dumps(notes)
    metadata = {"notes": text, "sha256": _checksum(plain, text)}
    with whole_file(path) as beside:
        try:
            safetensors.torch.save_file(plain, beside, metadata=metadata)
        except safetensors.SafetensorError as error:
            raise _as_os_error(error, Path(path)) from error


def load_tensors(path: str | Path) -> tuple[dict[str, Tensor], Any]:
    """The tensors and notes that `save_tensors` wrote.

    Raises:
        RunError: the file is missing, truncated, changed since it was written, or not one of ours.
    """
    path = Path(path)
    if not path.exists():
        raise RunError(f"{path} is missing. Restore the folder from a copy, or train again.")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a dictionary
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise RunError(f"{path} can't be read ({error}). Restore it from a copy, or train again.") from error
    if "sha256" not in metadata or "notes" not in metadata:
        raise RunError(f"{path} was not written by Isthmus: its checksum is missing. Give the folder of a run.")
    if _checksum(tensors, metadata["notes"]) != metadata["sha256"]:
        raise RunError(f"{path} has changed since it was written: its checksum differs. Restore it, or train again.")
    return tensors, json.loads(metadata["notes"])


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing. Restore the folder from a copy, or train again.") from error
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error}). Restore it from a copy, or train again.") from error


def make_folder(folder: str | Path) -> Path:
    """Make `folder` and its parents where they aren't there yet.

    Raises:
        IsthmusError: it can't be made, with the cause.
    """
    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    return folder


def _shape(said: Any) -> tuple[int, ...]:
    if not isinstance(said, list) or not said or not all(type(size) is int and size > 0 for size in said):
        raise ValueError(f"{said!r:.60} is no shape of a sample")
    return tuple(said)


def _check_same(model: Autoencoder, said: dict[str, Any], path: Path) -> None:
    """Raise RunError unless modules of somebody's own come back in the composition that they were saved in."""
    own = describe_model(model)
    before = said | (said.get("parts") or said["blueprint"] or {})
    for name, given in ({name: own[name] for name in ("shape", "code_shape", "scaling")} | _parts(model)).items():
        if name in before and given != before[name]:
            said_before = brief(before[name], 200)
            raise RunError(
                f"The {name.replace('_', ' ')} given is {brief(given, 200)}, but {path} says {said_before}. "
                f"Build the Autoencoder as it was when it was saved ({name}=…)."
            )


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, no two in the same memory (where two layers share a weight), for safetensors refuses that."""
    seen: set[int] = set()
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        tensors[name] = tensor.clone() if place in seen else tensor
        seen.add(place)
    return tensors


class _Described:
    """Shape and scaling as they were saved, in the place of data."""

    def __init__(self, shape: tuple[int, ...], scaling: Scaling) -> None:
        self.shape, self.scaling = shape, scaling


def _checksum(tensors: Mapping[str, Tensor], notes: str) -> str:
    """SHA-256 over names, kinds, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256(notes.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return digest.hexdigest()


def _as_os_error(error: Exception, path: Path) -> Exception:
    """What safetensors says of a full disk and the like, as the system's own error, so that it is worded alike."""
    number = re.search(r"os error (\d+)", str(error))
    return OSError(int(number[1]), str(error)) if number else IsthmusError(f"Could not write {path}: {error}.")
