"""Repeatable bits on an accelerator: algorithms that add up in the same order every time."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any

import torch

WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
"""cuBLAS adds up in a fixed order with a workspace of its own; PyTorch wants it named before the first product."""


@contextlib.contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """Within the block, PyTorch takes deterministic algorithms on an accelerator; all settings are put back afterwards.

    On a CPU they are deterministic as they are. An operation that has no such algorithm, in modules of your own, say,
    is computed all the same, with PyTorch's warning that names it.

    Source: PyTorch, Reproducibility.
    """
    if device.type == "cpu":
        yield
        return
    enabled, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    memory: Any = torch.utils.deterministic  # whose switch pyright doesn't know
    fills, times = memory.fill_uninitialized_memory, torch.backends.cudnn.benchmark
    workspace = os.environ.get(WORKSPACE)
    try:
        os.environ[WORKSPACE] = workspace or ":4096:8"
        torch.use_deterministic_algorithms(True, warn_only=True)
        memory.fill_uninitialized_memory = False  # which takes time, and finds faults alone
        torch.backends.cudnn.benchmark = False  # or the fastest one of the moment is taken
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warns)
        memory.fill_uninitialized_memory = fills
        torch.backends.cudnn.benchmark = times
        if workspace is None:
            os.environ.pop(WORKSPACE, None)
