"""One pure function made into one compiled graph, without the checks that a general compiler makes at every call."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as tree

from isthmus.undisturbed import undisturbed


def compile_pure(function: Callable[..., Any], example: tuple[Any, ...]) -> Callable[..., Any]:
    """`function`, compiled for arguments of just the example's structure, shapes and types.

    It may take and give any nesting of mappings and sequences; what is no tensor in it stays as it is in the example.
    Every tensor that changes between calls must be an argument. Call the result within `torch.no_grad()`.

    `torch.compile` checks at every call that nothing it relies on has changed, which takes a tenth of a small network's
    step; here the caller vouches for it. That rests on private parts of PyTorch, so where a version has others,
    `torch.compile` itself does it.
    """
    try:
        return _without_checks(function, example)
    except Exception:  # whatever another version lacks
        return torch.compile(function, fullgraph=True, dynamic=False)


def _without_checks(function: Callable[..., Any], example: tuple[Any, ...]) -> Callable[..., Any]:
    with undisturbed():  # seconds and memory that only a compiler needs
        from torch import _inductor as inductor  # noqa: PLC0415
        from torch._subclasses import FakeTensorMode  # noqa: PLC0415
        from torch.fx.experimental.proxy_tensor import make_fx  # noqa: PLC0415
        from torch.fx.experimental.symbolic_shapes import ShapeEnv  # noqa: PLC0415

    leaves, structure = tree.tree_flatten(example)
    places = [place for place, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
    shapes: list[tree.TreeSpec] = []

    def flat(*tensors: Tensor) -> list[Any]:
        given = list(leaves)
        for place, tensor in zip(places, tensors, strict=True):
            given[place] = tensor
        results, shape = tree.tree_flatten(function(*tree.tree_unflatten(given, structure)))
        shapes.append(shape)
        return results

    shapes_only = FakeTensorMode(allow_non_fake_inputs=True, shape_env=ShapeEnv())  # nothing is computed in tracing
    tensors: list[Any] = [shapes_only.from_tensor(leaves[place].detach(), static_shapes=True) for place in places]
    with torch.no_grad(), undisturbed():
        compiled: Any = inductor.compile(make_fx(flat)(*tensors), tensors)

    def call(*arguments: Any) -> Any:
        given, shape = tree.tree_flatten(arguments)
        if shape != structure:
            return function(*arguments)
        return tree.tree_unflatten(compiled(*[given[place] for place in places]), shapes[-1])

    return call
