"""A graph for tests, of any device: it records the operations of some work, and does them again at each replay.

As with a CUDA graph, what Python does is done once, at the capture, and what looks at computed values is refused.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

LOOKS = set(
    """
    _local_scalar_dense nonzero masked_select equal is_nonzero _unique2 unique_dim unique_consecutive bincount
    repeat_interleave
    """.split()  # noqa: SIM905 as a list of names
)
"""Operations whose results or sizes the host has to wait for."""


def tape(warm_up: Callable[[], object], work: Callable[[], object], generator: torch.Generator) -> Callable[[], object]:
    """See `isthmus.training.captured.Capture`.

    Raises:
        RuntimeError: the work looks at what it has computed, or copies something from another device.
    """
    warm_up()
    drawn, recorder = generator.get_state(), _Recorder()
    try:
        with recorder:
            work()
    finally:
        recorder.undo()
        generator.set_state(drawn)
    return recorder.replay


class _Recorder(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, list[Any]]] = []
        self.before: list[tuple[Tensor, Tensor]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        name = func._schema.name.partition("::")[2]
        masks = name.startswith("index") and any(one.dtype == torch.bool for one in given[1:])
        moves = name in ("copy_", "_to_copy") and len({*_devices(given, kwargs)}) > 1
        if name in LOOKS or masks or moves:
            raise RuntimeError(f"{name}: operation not permitted when stream is capturing")
        for argument, value in zip(func._schema.arguments, args, strict=False):
            moved = name == "native_batch_norm" and argument.name.startswith("running")  # which its schema doesn't say
            if moved or (argument.alias_info is not None and argument.alias_info.is_write):
                self.before += [(one, one.clone()) for one in tree_leaves(value) if isinstance(one, Tensor)]
        out = func(*args, **kwargs)
        self.calls.append((func, args, kwargs, tree_leaves(out)))
        return out

    @torch.no_grad()
    def undo(self) -> None:
        for tensor, value in reversed(self.before):
            tensor.copy_(value)
        self.before = []

    @torch.no_grad()
    def replay(self) -> None:
        for func, args, kwargs, made in self.calls:
            given = {_memory(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
            for held, new in zip(made, tree_leaves(func(*args, **kwargs)), strict=True):
                if isinstance(held, Tensor) and _memory(held) not in given:
                    held.copy_(new)


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _devices(given: list[Tensor], kwargs: Any) -> list[str]:
    """The devices of tensors, and of one that is asked for."""
    asked = kwargs.get("device")
    return [one.device.type for one in given] + ([torch.device(asked).type] if asked is not None else [])
