"""PyTorch's threads within a use: no more than the granted cores, and considerate of other processes."""

import contextlib
import os
from collections.abc import Iterator

import torch

from isthmus.cores import THREADS, granted_cores
from isthmus.errors import remark
from isthmus.waiting import considerate


def usable_threads() -> int:
    """PyTorch's number of threads, or the cores of the quota if these are fewer and OMP_NUM_THREADS isn't set."""
    threads, granted = torch.get_num_threads(), granted_cores()
    return threads if granted is None or THREADS in os.environ else min(threads, granted)


@contextlib.contextmanager
def shared_cores() -> Iterator[None]:
    """Within the block, PyTorch uses no more threads than its quota has cores, and they sleep while the cores are busy.

    The number of threads depends on the quota alone, never on the load, because it changes the last bits of sums.
    """
    threads, usable = torch.get_num_threads(), usable_threads()
    if usable < threads:
        remark(
            f"This process may use {usable} of the machine's cores (a quota of its container), so PyTorch uses "
            f"{usable} threads instead of {threads}. Set {THREADS} to choose another number."
        )
    with limited(usable), considerate():
        yield


@contextlib.contextmanager
def limited(threads: int) -> Iterator[None]:
    """Within the block, PyTorch uses this number of threads."""
    before = torch.get_num_threads()
    if threads == before:
        yield
        return
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
