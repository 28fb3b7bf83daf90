"""Copies of a model's weights in bfloat16, all made in one call: an accelerator launches one kernel for them.

Autocast rounds each weight and each bias for itself, and turns each gradient back: two small kernels for every one of
them, at every step, which in a small network is as much again as its products. The bits are the same.
"""

from typing import Any

import torch
from torch import Tensor, nn

from isthmus.parts.layers import TiedLinear
from isthmus.parts.networks.recurrent import Recurrent

ROUNDED = {
    *(nn.Linear, TiedLinear),
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
}
"""Layers whose weights are used in products alone, which autocast makes in bfloat16."""


class Copies:
    """Copies of the weights that products use, by their names in `module`.

    A recurrent layer's products aren't made by its linear layers, so those keep their float32 weights.
    """

    def __init__(self, module: nn.Module) -> None:
        recurrent = {id(part) for layer in module.modules() if isinstance(layer, Recurrent) for part in layer.modules()}
        rounded = {
            id(weight)
            for layer in module.modules()
            if type(layer) in ROUNDED and id(layer) not in recurrent
            for weight in layer.parameters(recurse=False)
        }
        self._weights = dict(module.named_parameters())
        self._trained = [weight for weight in self._weights.values() if weight.requires_grad]
        self._places = [place for place, weight in enumerate(self._trained) if id(weight) in rounded]
        sources = [self._trained[place] for place in self._places]
        self._sources = [weight.detach() for weight in sources]  # the same memory
        self._copies = [torch.empty_like(weight, dtype=torch.bfloat16).requires_grad_() for weight in self._sources]
        self._gradients = [torch.empty_like(weight) for weight in self._sources]
        by_source = dict(zip(map(id, sources), self._copies, strict=True))
        self.named: dict[str, Tensor] = {
            name: by_source[id(weight)] for name, weight in self._weights.items() if id(weight) in by_source
        }

    @torch.no_grad()
    def refresh(self) -> list[Tensor]:
        """Round the weights as they are now; returns what to differentiate by, in the order of the parameters."""
        several: Any = torch  # whose functions over lists pyright doesn't know
        if self._copies:
            several._foreach_copy_(self._copies, self._sources)
        made: list[Tensor] = list(self._trained)
        for place, copy in zip(self._places, self._copies, strict=True):
            made[place] = copy
        return made

    @torch.no_grad()
    def in_float32(self, gradients: list[Tensor]) -> list[Tensor]:
        """The same gradients, those of copies turned into float32. The next call overwrites them."""
        several: Any = torch
        if self._copies:
            several._foreach_copy_(self._gradients, [gradients[place] for place in self._places])
        made = list(gradients)
        for place, gradient in zip(self._places, self._gradients, strict=True):
            made[place] = gradient
        return made
