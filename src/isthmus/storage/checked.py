"""Files with a checksum: JSON and tensors, written atomically and verified when read. Reading runs no code."""

import contextlib
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from isthmus.errors import BlueprintError, IsthmusError, RunError
from isthmus.storage.files import whole_file, write_json

DIGEST = "sha256"
DEEPEST = 100
"""The deepest nesting of JSON; a deeper file was not written by Isthmus."""
AGAIN = "Restore it from a copy, or train again."


def save_json(path: str | Path, value: Mapping[str, Any] | list[dict[str, Any]]) -> None:
    """Write a table of fields, or a list of them, atomically; its last table contains a checksum of everything."""
    write_json(path, seal(value))


def seal(value: Any) -> Any:
    """A table of fields, or a list of them, with a checksum of everything in its (last) table."""
    if isinstance(value, list):
        return [*value[:-1], *({**last, DIGEST: _digest(value)} for last in value[-1:])]
    return {**value, DIGEST: _digest(value)}


def load_json(path: Path, *, sealed: bool) -> Any:
    """Read the value that `save_json` wrote, without its checksum.

    sealed: whether a file without a checksum is refused; runs of format 1 have none.

    Raises:
        RunError: the file is missing, damaged, or changed since it was written.
    """
    value = read_json(path)
    last = value[-1] if isinstance(value, list) and value else value
    said = last.pop(DIGEST, None) if isinstance(last, dict) else None
    if said is None and sealed and last != []:
        raise RunError(f"{path} is damaged: its checksum is missing. {AGAIN}")
    if said is not None and said != _digest(value):
        raise RunError(f"{path} has changed since it was written: its checksum differs. {AGAIN}")
    return value


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        RunError: it is missing or damaged, or holds NaN, infinity or more than 100 levels.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
        _check_depth(value)
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing. Restore the folder from a copy, or train again.") from error
    except (OSError, ValueError, RecursionError) as error:
        cause = "its nesting is too deep" if isinstance(error, RecursionError) else error
        raise RunError(f"{path} is damaged ({cause}). {AGAIN}") from error
    return value


def save_tensors(path: str | Path, tensors: Mapping[str, Tensor], notes: Any = None) -> None:
    """Write tensors and JSON notes as one safetensors file with a checksum, atomically.

    Equal tensors and notes make equal files.
    """
    plain = _apart({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})
    text = json.dumps(notes)
    # in one field, for safetensors writes several in an order that differs from time to time
    metadata = {"isthmus": f"{_checksum(plain, text)}\n{text}"}
    with whole_file(path) as beside:
        try:
            safetensors.torch.save_file(plain, beside, metadata=metadata)
        except safetensors.SafetensorError as error:
            raise _as_os_error(error, Path(path)) from error


def load_tensors(path: str | Path) -> tuple[dict[str, Tensor], Any]:
    """Read the tensors and notes that `save_tensors` wrote.

    Raises:
        RunError: the file is missing, truncated, changed since it was written, or not written by Isthmus.
    """
    path = Path(path)
    if not path.exists():
        raise RunError(f"{path} is missing. Restore the folder from a copy, or train again.")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            # copies, for what safetensors gives is the file itself, which Windows then lets nobody replace
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 not a dictionary
    except (safetensors.SafetensorError, OSError, ValueError, RuntimeError) as error:
        raise RunError(f"{path} can't be read ({error}). {AGAIN}") from error
    if "isthmus" in metadata:
        said, _, text = metadata["isthmus"].partition("\n")
    elif metadata.keys() >= {"notes", DIGEST}:  # of runs of format 1
        said, text = metadata[DIGEST], metadata["notes"]
    else:
        raise RunError(f"{path} was not written by Isthmus: its checksum is missing. Give the folder of a run.")
    if _checksum(tensors, text) != said:
        raise RunError(f"{path} has changed since it was written: its checksum differs. Restore it, or train again.")
    with damaged(path):
        notes = json.loads(text)
        _check_depth(notes)
    return tensors, notes


def check_tensors(own: Mapping[str, Tensor], given: Mapping[str, Tensor], path: Path, *, finite: bool = True) -> None:
    """Raise RunError unless the tensors of a file have the names, shapes and types of those that they are for.

    finite: whether NaN and infinity are refused.

    Raises:
        RunError: names, shapes or types differ, or a value is not finite.
    """
    if own.keys() != given.keys():
        odd = sorted(own.keys() ^ given.keys())
        raise RunError(
            f"The weights in {path} don't fit this model: {odd[0]!r} is only in one of the two ({len(odd)} such names "
            "in all). Restore the folder from a copy, or train again."
        )
    for name, tensor in given.items():
        if tensor.shape != own[name].shape or tensor.dtype != own[name].dtype:
            raise RunError(
                f"{name!r} in {path} is {tensor.dtype} {tuple(tensor.shape)}, but the model needs {own[name].dtype} "
                f"{tuple(own[name].shape)}. Restore the folder from a copy, or train again."
            )
        if finite and tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise RunError(f"{name!r} in {path} has values that are not finite. Train again.")


@contextlib.contextmanager
def damaged(path: Path, keep: tuple[type[IsthmusError], ...] = (BlueprintError,)) -> Iterator[None]:
    """Within the block, any error from a file's content becomes one message that names the file.

    A damaged file may contain any type and size, and building a model from it runs code of many modules, so every error
    is attributed to the file.

    keep: errors with a better message, which pass unchanged, such as an unknown part of a model.
    """
    try:
        yield
    except (RunError, *keep):
        raise
    except IsthmusError as error:
        raise RunError(f"{path} is damaged: {str(error).rstrip('.')}. {AGAIN}") from error
    except KeyError as error:
        raise RunError(f"{path} is damaged: it lacks {error!s:.80}. {AGAIN}") from error
    except Exception as error:
        cause = " ".join(str(error).split())[:200].rstrip(".") or type(error).__name__
        raise RunError(f"{path} is damaged: {cause}. {AGAIN}") from error


def _digest(value: Any) -> str:
    """SHA-256 of a value, however its file is laid out."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, allow_nan=False).encode()).hexdigest()


def _checksum(tensors: Mapping[str, Tensor], notes: str) -> str:
    """SHA-256 over names, kinds, shapes and bytes, in the order of the names."""
    digest = hashlib.sha256(notes.encode(errors="replace"))
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data if tensor.numel() else b"")
    return digest.hexdigest()


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, no two in the same memory (where two layers share a weight), for safetensors refuses that."""
    seen: set[int] = set()
    for name, tensor in tensors.items():
        place = tensor.untyped_storage().data_ptr()
        tensors[name] = tensor.clone() if place in seen else tensor
        seen.add(place)
    return tensors


def _as_os_error(error: Exception, path: Path) -> Exception:
    """What safetensors says of a full disk and the like, as the system's own error, so that it is worded alike."""
    number = re.search(r"os error (\d+)", str(error))
    return OSError(int(number[1]), str(error)) if number else IsthmusError(f"Could not write {path}: {error}.")


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is no number that JSON has")


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError(f"{text[:20]} is too large")
    return value


def _check_depth(value: Any) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise ValueError("its nesting is too deep")
        inner = [part for part in level if isinstance(part, dict | list)]
        level = [one for part in inner for one in (part.values() if isinstance(part, dict) else part)]
