"""Memory: objects larger than the machine's memory are refused before they are allocated."""

import contextlib
import math
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
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


def available() -> int | None:
    """The bytes of memory that this process can still get, if the system reports them; a container's limit counts.

    For each of several processes that were launched on this machine together, its share of the whole memory, which is
    the same for all of them at any time.
    """
    together = int(os.environ.get("LOCAL_WORLD_SIZE") or 1)
    if together > 1 and (total := _total()) is not None:
        return total // together
    quota = _left(Path("/") / "sys/fs/cgroup", "memory.max", "memory.current")
    rooms = [room for room in (_free(), quota) if room is not None]
    return min(rooms) if rooms else _total()


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


def _free() -> int | None:
    """The memory that Linux can give to a process without swapping, in bytes."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        return None
    return None if found is None else 1024 * int(found[1])


def _left(folder: Path, limit: str, used: str) -> int | None:
    """What a container may still take, in bytes; None without a limit."""
    try:
        return max(0, _number(folder / limit) - _number(folder / used))
    except (OSError, ValueError):  # "max" means no limit
        return None


def _number(file: Path) -> int:
    return int(file.read_text(encoding="utf-8"))


def _there() -> str:
    total = _total()
    return "" if total is None else f", and this machine has {total / 1e9:,.1f} GB"
