"""A pass: what one forward of an autoencoder made of a batch, and what the batch brought beside its samples."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from isthmus.errors import BlueprintError, nearest
from isthmus.parts.codes.code import Code

Draws = Mapping[str, Any]
"""What a batch brings beside its samples, tensors with N first, by name: random numbers, those of the encoder and
decoder by layer, those of penalties by penalty; "labels" (N,) for a condition; "epochs" (N,), how far training is."""


@dataclass
class Pass:
    """What one forward made of a batch of N samples; penalties, callbacks and measures read it.

    clean: (N, *shape), scaled. corrupted: what the encoder got. output: what the decoder made, before the distance's
    link. reconstruction: (N, *shape), back in the scaled data's space. layers: every named layer's output. draws: what
    the batch brought beside its samples. observed: (N, *shape), False for numbers that are missing; None for none.

    Where the code was drawn K times, the code's z, the output and the reconstruction are (K·N, …), draw by draw.
    """

    clean: Tensor
    corrupted: Tensor
    code: Code
    output: Tensor
    reconstruction: Tensor
    layers: dict[str, Tensor] = field(default_factory=dict)
    draws: Draws = field(default_factory=dict)
    observed: Tensor | None = None

    def repeated(self, x: Tensor) -> Tensor:
        """(N, …) as (K·N, …), to go with what was made of K draws of the code."""
        times = self.output.shape[0] // max(1, self.clean.shape[0])
        return x if times == 1 else x.repeat(times, *[1] * (x.ndim - 1))

    def with_holes(self) -> Tensor:
        """(N, *shape) the clean samples, NaN where they are missing."""
        return self.clean if self.observed is None else torch.where(self.observed, self.clean, torch.nan)

    def detached(self) -> "Pass":
        """The same, but nothing flows back through it; without the code's distribution."""
        code = Code(self.code.z.detach(), indices=self.code.indices)
        made = (self.output.detach(), self.reconstruction.detach())
        layers = {name: output.detach() for name, output in self.layers.items()}
        return Pass(self.clean, self.corrupted, code, *made, layers, self.draws, self.observed)

    def activations(self, layer: str | None = None) -> Tensor:
        """(N, …) output of a layer by its name, such as "encoder.dense1"; the code's z where None.

        In the samples' own type: within autocast the layers are bfloat16, too coarse to sum up.

        Raises:
            BlueprintError: there is no such layer.
        """
        if layer is None:
            return self.code.z
        if layer not in self.layers:
            raise BlueprintError(f"There is no layer {layer!r} in this network. {nearest(layer, self.layers)}")
        return self.layers[layer].to(self.clean.dtype)


def map_draws(use: Callable[[Tensor], Tensor], draws: Any) -> Any:
    """The same draws with `use` applied to every tensor: moved to a device, cut to a piece of the batch."""
    if isinstance(draws, Mapping):
        return {name: map_draws(use, value) for name, value in draws.items()}
    return None if draws is None else use(draws)
