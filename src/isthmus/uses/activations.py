"""Activations: what a layer of any network computes for some data, as samples for a model such as a dictionary."""

import contextlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import torch
from torch import Tensor, nn

from isthmus.data.samples import Samples
from isthmus.errors import DataError, UseError, nearest
from isthmus.parts.model import eval_mode
from isthmus.storage.files import whole_file

Type = Literal["float16", "float32", "float64"]


def activations(
    module: nn.Module,
    layer: str | Sequence[str],
    data: Any,
    *,
    of: Literal["output", "input"] = "output",
    axis: int | None = -1,
    batch_size: int = 64,
    most: int | None = None,
    dtype: Type = "float32",
    out: str | Path | None = None,
) -> Samples:
    """The activations of a layer of any PyTorch module: (N, numbers), one row for each token or position.

        found = ist.activations(transformer, "blocks.3.mlp", batches, out="activations.npy")
        data = ist.open_data(found, scaling="rms")
        run = ist.fit(ist.recipe("batch-topk", code=4096, k=32).build(data), data)

    The module runs in evaluation mode, without gradients, where its weights are. Its modes are restored afterwards.

    layer: the layer's name, as in `module.named_modules()`. Several names give samples (layers, numbers), for a
        crosscoder; all must compute as many numbers for each row.
    data: what the module takes: a tensor or an array, which is cut into batches; `Samples`; or an iterable of batches,
        such as a DataLoader. A batch is a tensor, a mapping of keyword arguments, or a tuple of positional arguments.
    of: the layer's "output", or its first "input", such as that of an MLP for a transcoder.
    axis: where the numbers of one activation lie; -1 for (batch, tokens, numbers), 1 for a convolution's (batch,
        channels, height, width). The other axes become rows, in their order. None makes each sample's whole output one
        row. Padding is left out: positions where a mapping's `attention_mask` is 0.
    batch_size: of a tensor, an array or samples. most: stop after this many rows.
    dtype: of the rows that are stored; float16 takes half the space.
    out: a new `.npy` file to write the rows to, batch by batch, so that they may be larger than memory. The samples
        are then mapped from it, and training draws them from all over the file. None keeps the rows in memory.

    Raises:
        UseError: there is no such layer; it isn't reached, or doesn't compute a tensor; `out` isn't an `.npy`.
        DataError: there are no data, or the layers give different numbers of rows.
    """
    names = [layer] if isinstance(layer, str) else list(layer)
    if not names:
        raise UseError("No layer was named: expected a name, such as 'blocks.0.mlp', or several.")
    path = None if out is None else Path(out)
    if path is not None and path.suffix != ".npy":
        raise UseError(f"Activations are written as one .npy file, not {path.name!r}. Give out= a name such as a.npy.")
    rows = _limited(_rows(module, names, data, of, axis, batch_size), most)
    kind = "table" if isinstance(layer, str) else "series"
    if path is None:
        made = [part.astype(dtype) for part in rows]
        if not made:
            raise DataError(_NO_DATA)
        whole = np.concatenate(made)
        return Samples(torch.from_numpy(whole if dtype != "float16" else whole.astype(np.float32)), kind=kind)
    with whole_file(path) as beside, beside.open("wb") as file:
        _write(file, rows, np.dtype(dtype))
    return Samples(np.load(path, mmap_mode="r"), kind=kind, precise=dtype == "float64")


_NO_DATA = "The data have no batch, so there are no activations: expected at least one. Give more data."


def _rows(
    module: nn.Module, names: list[str], data: Any, of: str, axis: int | None, batch_size: int
) -> Generator[np.ndarray, None, None]:
    """The rows of each batch, (n, numbers), or (n, layers, numbers) of several layers."""
    seen: dict[str, Tensor] = {}
    weight = next(module.parameters(), None)
    device = torch.device("cpu") if weight is None else weight.device
    with contextlib.ExitStack() as hooks:
        for name in dict.fromkeys(names):
            hook = _layer(module, name).register_forward_hook(_keep(seen, name, of), with_kwargs=True)
            hooks.callback(hook.remove)
        for batch in _batches(data, batch_size):
            seen.clear()
            with eval_mode(module):
                mask = _called(module, _moved(batch, device))
            found = [_flat(_reached(seen, name, names), axis, mask) for name in names]
            sizes = {tuple(one.shape) for one in found}
            if len(sizes) > 1:
                raise DataError(
                    f"The layers {', '.join(names)} give rows of different numbers ({sorted(sizes)}): expected the "
                    "same. Choose layers of one width, or call activations for each."
                )
            yield (found[0] if len(found) == 1 else torch.stack(found, 1)).float().cpu().numpy()


def _layer(module: nn.Module, name: str) -> nn.Module:
    layers = dict(module.named_modules())
    if name not in layers or not name:
        raise UseError(f"There is no layer {name!r} in this {type(module).__name__}. {nearest(name, list(layers)[1:])}")
    return layers[name]


def _keep(seen: dict[str, Tensor], name: str, of: str) -> Callable[..., None]:
    """A hook that keeps the layer's first tensor."""

    def keep(layer: nn.Module, given: tuple[Any, ...], named: dict[str, Any], made: Any) -> None:
        value = _first((*given, *named.values()) if of == "input" else made)
        if value is None:
            raise UseError(f"The {of} of the layer {name!r} has no tensor of numbers. Choose another layer.")
        seen[name] = value.detach()

    return keep


def _first(value: Any) -> Tensor | None:
    """The first floating-point tensor in nested outputs."""
    if isinstance(value, Tensor):
        return value if value.is_floating_point() else None
    parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple | list) else ()
    return next((found for part in parts if (found := _first(part)) is not None), None)


def _reached(seen: dict[str, Tensor], name: str, names: list[str]) -> Tensor:
    if name not in seen:
        raise UseError(f"The layer {name!r} was not called. Choose a layer that the module's forward pass uses.")
    return seen[name]


def _flat(value: Tensor, axis: int | None, mask: Tensor | None) -> Tensor:
    """(batch, …) to (rows, numbers)."""
    if axis is None or value.ndim == 1:
        return value.flatten(1) if value.ndim > 1 else value[:, None]
    if not -value.ndim <= axis < value.ndim:
        raise UseError(f"axis={axis} is none of the axes of activations of shape {tuple(value.shape)}. Set another.")
    moved = value.movedim(axis, -1)
    if mask is not None and mask.shape == moved.shape[:-1]:
        return moved[mask.bool()]
    return moved.flatten(0, -2)


def _batches(data: Any, size: int) -> Iterator[Any]:
    if isinstance(data, Samples):
        yield from data.batches(size)
    elif isinstance(data, Tensor | np.ndarray):
        for start in range(0, len(data), size):
            yield torch.as_tensor(data[start : start + size])
    elif isinstance(data, Iterable):
        yield from data
    else:
        raise DataError(f"{type(data).__name__} is no data for a module: expected a tensor, an array or batches.")


def _moved(batch: Any, device: torch.device) -> Any:
    """The batch on the device, its arrays as tensors."""
    if isinstance(batch, np.ndarray):
        batch = torch.as_tensor(batch)
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, Mapping):
        return {name: _moved(value, device) for name, value in batch.items()}
    return tuple(_moved(value, device) for value in batch) if isinstance(batch, tuple | list) else batch


def _called(module: nn.Module, batch: Any) -> Tensor | None:
    """Call the module; returns the mask of the positions that aren't padding, if there is one."""
    if isinstance(batch, Mapping):
        module(**batch)
        return batch.get("attention_mask")
    module(*(batch if isinstance(batch, tuple) else (batch,)))
    return None


def _limited(rows: Generator[np.ndarray, None, None], most: int | None) -> Iterator[np.ndarray]:
    """The rows, at most so many."""
    done = 0
    with contextlib.closing(rows):  # so that its hooks go at once
        for part in rows:
            taken = part if most is None else part[: most - done]
            done += len(taken)
            yield taken
            if most is not None and done >= most:
                return


def _write(file: BinaryIO, rows: Iterator[np.ndarray], dtype: np.dtype) -> None:
    """Write rows as `.npy`; their number stands in the header, which is written again at the end."""
    count, shape = 0, None
    for part in rows:
        if shape is None:
            shape = part.shape[1:]
            _header(file, (0, *shape), dtype)
        file.write(np.ascontiguousarray(part, dtype).data)
        count += len(part)
    if shape is None:
        raise DataError(_NO_DATA)
    file.seek(0)
    _header(file, (count, *shape), dtype)


def _header(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype) -> None:
    """NumPy leaves room in it for a larger number of rows, so it keeps its length."""
    said = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, said)
