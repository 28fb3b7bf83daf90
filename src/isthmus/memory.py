"""Memory: objects larger than the machine's memory are refused before they are allocated."""

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from isthmus.errors import UseError, out_of_memory


@contextlib.contextmanager
def within_memory(what: str, advice: str) -> Iterator[None]:
    """Allow the block to create `what` ("This model"), unless one of its tensors is larger than the machine's memory.

    Otherwise a system that grants more memory than it has would kill the process later, without a message.

    advice: a sentence with a remedy.

    Raises:
        UseError: it doesn't fit; the message gives the needed and the available memory.
    """
    try:
        with _Watched(what, advice):
            yield
    except (RuntimeError, TypeError, OverflowError, MemoryError) as error:
        uncountable = any(word in str(error) for word in ("verflow", "too large", "too big"))
        if not uncountable and not out_of_memory(error):
            raise
        raise UseError(f"{what} does not fit into memory{_there()}. {advice}") from error


def check_size(sizes: Sequence[int], itemsize: int, what: str, advice: str) -> None:
    """Raise UseError if a tensor of these sizes, with `itemsize` bytes per number, exceeds the machine's memory."""
    total, size = _total(), math.prod(sizes) * itemsize
    if total is not None and size > total:
        raise UseError(
            f"{what} would need {size / 1e9:,.1f} GB at once ({' × '.join(map(str, sizes))} numbers){_there()}. "
            f"{advice}"
        )


class _Watched(TorchFunctionMode):
    """Checks the size of each tensor before it is allocated."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__()
        self.what, self.advice = what, advice

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        words = kwargs or {}
        if func in _RESERVES:
            sizes = args[0] if args and isinstance(args[0], tuple | list) else words.get("size", args)
            kind = words.get("dtype") or torch.get_default_dtype()
            check_size(sizes, _PYTHON.get(kind, kind).itemsize, self.what, self.advice)
        return func(*args, **words)


_PYTHON = {bool: torch.bool, int: torch.int64, float: torch.float64, complex: torch.complex128}
"""The types of PyTorch that Python's mean."""
_RESERVES = {torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn}


def _total() -> int | None:
    """The machine's memory in bytes, if the system reports it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no such call
        return None


def _there() -> str:
    total = _total()
    return "" if total is None else f", and this machine has {total / 1e9:,.1f} GB"
