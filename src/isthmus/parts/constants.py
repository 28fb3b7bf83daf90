"""Constants on an accelerator: made there once, because every copy from the CPU makes the device wait."""

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

MOST = 1024
"""Constants that are kept; when there are more, all are made anew when they are next needed."""

_KEPT: dict[Any, tuple[Any, Tensor]] = {}
"""By values or table, type and device: the table, so that its identity stays its own, and the tensor."""
_LOCK = threading.Lock()


def constant(values: tuple[Any, ...], like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """These numbers, possibly nested, on the device of `like` and in its type or another one. Don't change the tensor.

    On a CPU it is made at each call, which takes no longer than to look it up.
    """
    kind, device = dtype or like.dtype, like.device

    def make() -> Tensor:
        return torch.tensor(values, dtype=kind, device=device)

    return make() if device.type == "cpu" else _kept((values, kind, device), None, make)


def table_like(table: Tensor, like: Tensor) -> Tensor:
    """A module's own table on the device of `like` and in its type. Don't change the tensor."""
    if like.device.type == "cpu":
        return table.to(like)
    return _kept((id(table), like.dtype, like.device), table, lambda: table.to(like))


def columns(x: Tensor, places: list[int]) -> Tensor:
    """(N, D) to (N, len(places)): these columns."""
    return x[:, constant(tuple(places), x, torch.int64)]


def kept() -> list[Tensor]:
    """All constants that are kept now. A graph that reads them must hold them, for as long as it is replayed."""
    with _LOCK:
        return [made for _, made in _KEPT.values()]


def _kept(key: Any, table: Tensor | None, make: Callable[[], Tensor]) -> Tensor:
    found = _KEPT.get(key)
    if found is not None:
        return found[1]
    made = make()
    # what is made while PyTorch records or transforms operations belongs to the recording
    if type(made) is Tensor and not made.is_inference() and not torch._C._are_functorch_transforms_active():
        with _LOCK:
            if len(_KEPT) >= MOST:
                _KEPT.clear()
            _KEPT[key] = table, made
    return made
