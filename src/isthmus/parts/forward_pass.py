"""The record of a forward pass: the batch, and the output of each part."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from isthmus.errors import BlueprintError, nearest
from isthmus.shown import Shown

Draws = Mapping[str, Any]
"""The random numbers of one batch, by the part that uses them, N first: "corruption", "code", "encoder" and "decoder"
by layer, "penalties" by penalty. A part without an entry does nothing random."""


@dataclass(repr=False)
class Batch(Shown):
    """N samples as the parts take them: scaled, with labels, damaged samples and draws.

    clean: (N, *shape), missing numbers as 0; the corrupted samples if only these are known.
    observed: (N, *shape), False where a number is missing; None if none can be missing.
    readable: (N, *shape), True for observed numbers that the encoder can use: no unknown categories.
    labels: (N,) of a condition. damaged: (N, *input_shape) of data in pairs, scaled.
    epochs: (N,) the epochs trained so far; None after training.
    """

    clean: Tensor
    observed: Tensor | None = None
    readable: Tensor | None = None
    labels: Tensor | None = None
    damaged: Tensor | None = None
    epochs: Tensor | None = None
    draws: Draws = field(default_factory=dict)


@dataclass(repr=False)
class Corrupted(Shown):
    """The corrupted samples of a batch.

    values: (N, *input_shape), the encoder's input. observed: (N, *input_shape), False for numbers that are hidden from
    the encoder; None if nothing is hidden.
    """

    values: Tensor
    observed: Tensor | None = None


@dataclass(repr=False)
class Code(Shown):
    """The code of a batch.

    z: (N, *code) the decoder's input; (K·N, *code) if the code draws K times, draw by draw.
    distribution: the posterior that z was drawn from, if there is one.
    indices: the entries of the code book that represent z, if there is a book.
    loss: (N,) the code's own term in the loss (for example a commitment), if it has one.
    weight: (N,) of each sample's distance in the loss, if the code has several qualities.
    soft: the probabilities of the entries from which z was chosen, if it is chosen by them but not drawn.
    gates: (N, *code) of a sparse code: what decides which latent dimensions are active.
    """

    z: Tensor
    distribution: Any = None
    indices: Tensor | None = None
    loss: Tensor | None = None
    weight: Tensor | None = None
    soft: Any = None
    gates: Tensor | None = None


@dataclass(repr=False)
class Pass(Shown):
    """The results of one forward pass of N samples. Penalties, callbacks and measures read them.

    corrupted: (N, *input_shape), the encoder's input. output: the decoder's, before the distance's link.
    picture: makes the reconstruction from the output. layers: each named layer's output, for example "encoder.dense1".
    weight: (N,) of each sample's distance in the loss; None for equal weights.

    If the code was drawn K times, the code's z, the output and the reconstruction are (K·N, …), draw by draw.
    """

    batch: Batch
    corrupted: Tensor
    code: Code
    output: Tensor
    picture: Callable[[Tensor], Tensor]
    layers: dict[str, Tensor] = field(default_factory=dict)
    weight: Tensor | None = None

    @property
    def clean(self) -> Tensor:
        """(N, *shape), scaled."""
        return self.batch.clean

    @property
    def reconstruction(self) -> Tensor:
        """(N, *shape), in the scaled data's space; made when it is asked for, because training often needs none."""
        return self.picture(self.output)

    @property
    def observed(self) -> Tensor | None:
        """(N, *shape), False where a number is missing; None if none can be missing."""
        return self.batch.observed

    @property
    def draws(self) -> Draws:
        """The batch's random numbers."""
        return self.batch.draws

    def repeated(self, x: Tensor) -> Tensor:
        """(N, …) repeated to (K·N, …), to match the results of K draws of the code."""
        return repeated(x, self.output.shape[0] // max(1, self.clean.shape[0]))

    def with_holes(self) -> Tensor:
        """(N, *shape) the clean samples, with NaN for missing numbers."""
        return self.clean if self.observed is None else torch.where(self.observed, self.clean, torch.nan)

    def detached(self) -> "Pass":
        """The same pass without gradients and without the code's distribution."""
        code = Code(self.code.z.detach(), indices=self.code.indices)
        layers = {name: output.detach() for name, output in self.layers.items()}
        return Pass(self.batch, self.corrupted, code, self.output.detach(), self.picture, layers, self.weight)

    def activations(self, layer: str | None = None) -> Tensor:
        """(N, …) output of a layer by its name, such as "encoder.dense1"; the code's z if None.

        In the samples' type: within autocast the layers are bfloat16, which is too coarse for sums.

        Raises:
            BlueprintError: there is no such layer.
        """
        if layer is None:
            return self.code.z
        if layer not in self.layers:
            raise BlueprintError(f"There is no layer {layer!r} in this network. {nearest(layer, self.layers)}")
        return self.layers[layer].to(self.clean.dtype)


def map_tensors(use: Callable[[Tensor], Tensor], nested: Any) -> Any:
    """The same mappings and named tuples with `use` applied to every tensor, such as moving it to a device."""
    if isinstance(nested, Mapping):
        return {name: map_tensors(use, value) for name, value in nested.items()}
    if isinstance(nested, tuple) and hasattr(nested, "_fields"):
        return type(nested)(*(map_tensors(use, value) for value in nested))
    return use(nested) if isinstance(nested, Tensor) else nested


def leaves(nested: Any) -> Iterator[Tensor]:
    """All tensors of nested mappings and named tuples, in their order."""
    if isinstance(nested, Tensor):
        yield nested
    elif isinstance(nested, Mapping | tuple):
        for value in nested.values() if isinstance(nested, Mapping) else nested:
            yield from leaves(value)


def repeated(x: Tensor, times: int) -> Tensor:
    """(N, …) to (K·N, …): all N, K times, as the results of K draws stand."""
    return x if times == 1 else x.repeat(times, *[1] * (x.ndim - 1))
