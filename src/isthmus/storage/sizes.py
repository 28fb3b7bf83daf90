"""A limit on the weights of a model that is built from a file, so that a damaged size is refused and not allocated."""

import contextlib
import threading
from collections.abc import Iterator

from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

SPARE_BYTES = 64 * 2**20


@contextlib.contextmanager
def at_most(size: int) -> Iterator[None]:
    """Let modules that this thread makes have weights of some four times `size` bytes together, 64 MiB at least.

    PyTorch allocates a weight before it fills it, and memory that nothing was written to costs nothing.

    Raises:
        ValueError: a module is made whose weights would be more.
    """
    thread, limit, left = threading.get_ident(), 4 * size + SPARE_BYTES, [4 * size + SPARE_BYTES]

    def count(module: nn.Module, name: str, weight: nn.Parameter | None) -> None:
        if weight is not None and threading.get_ident() == thread:
            left[0] -= weight.numel() * weight.element_size()
            if left[0] < 0:
                raise ValueError(
                    f"its model has far more weights than the {size} bytes that are there ({limit} with what is spare)"
                )

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()
