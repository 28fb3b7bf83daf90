"""Memory: what would take more than the machine has is refused before it is tried, with its size."""

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
    """Let `what` ("This model") be made, unless one of its tensors alone is larger than the machine's memory.

    A system that promises more memory than it has would else end the process, without a word, when it is used.

    advice: what to do instead, a sentence.

    Raises:
        UseError: it is, or the memory does not do; how much is needed, and how much there is.
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
    """Raise UseError where a tensor of these sizes, of so many bytes each, is larger than the machine's memory."""
    total, size = _total(), math.prod(sizes) * itemsize
    if total is not None and size > total:
        raise UseError(
            f"{what} would need {size / 1e9:,.1f} GB at once ({' × '.join(map(str, sizes))} numbers){_there()}. "
            f"{advice}"
        )


class _Watched(TorchFunctionMode):
    """Looks at the size of each tensor before it is reserved."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__()
        self.what, self.advice = what, advice

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        words = kwargs or {}
        if func in _RESERVES:
            sizes = args[0] if args and isinstance(args[0], tuple | list) else words.get("size", args)
            check_size(sizes, (words.get("dtype") or torch.get_default_dtype()).itemsize, self.what, self.advice)
        return func(*args, **words)


_RESERVES = {torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn}


def _total() -> int | None:
    """Bytes of memory of this machine, where the system says it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no such call
        return None


def _there() -> str:
    total = _total()
    return "" if total is None else f", and this machine has {total / 1e9:,.1f} GB"
