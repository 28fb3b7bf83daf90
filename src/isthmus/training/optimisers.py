"""The optimisers: one fused update of all parameters, and their state by the parameters' names."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from isthmus.training.settings import Settings

BETA1, BETA2, EPSILON, SMOOTHING = 0.9, 0.999, 1e-8, 0.99
BURST, USUAL = 10.0, 0.9
"""The largest multiple of its running mean that a gradient's norm may have; the decay of that mean at each step."""
LARGE = 2**16
"""Numbers of one gradient from which its norm is estimated."""
SHORTEST = 1e-8
"""Columns shorter than this are not scaled to norm 1."""
SLOTS = {
    "adam": ("mean", "square"),
    "adamw": ("mean", "square"),
    "rmsprop": ("square", "momentum"),
    "sgd": ("momentum",),
}


class Optimiser:
    """Updates parameters by their gradients, and keeps the state of its method.

    PyTorch's optimiser classes import its compiler (seconds, and some 70 MB); its functions for the same mathematics
    don't.

    Source: Kingma & Ba, Adam (2015); Loshchilov & Hutter, Decoupled weight decay regularization (2019), for "adamw";
    Tieleman & Hinton, lecture 6.5 (2012), for "rmsprop"; Sutskever et al. (2013) for "sgd" with momentum.
    """

    def __init__(
        self,
        settings: Settings,
        parameters: Mapping[str, Tensor],
        rates: Mapping[str, float] | None = None,
        unit: Collection[str] = (),
    ) -> None:
        """rates: the learning rates of some parameters, as multiples of the others'.

        unit: the names of matrices whose columns keep norm 1: they move along the sphere.
        """
        self.settings = settings
        self.names = list(parameters)
        factors = [(rates or {}).get(name, 1.0) for name in self.names]
        self.groups = {
            factor: [place for place, own in enumerate(factors) if own == factor] for factor in dict.fromkeys(factors)
        }
        self.parameters = [parameter.detach() for parameter in parameters.values()]  # the same memory
        self._unit = [place for place, name in enumerate(self.names) if name in unit]
        self.counts = [torch.zeros((), device=parameter.device) for parameter in self.parameters]
        self.usual = torch.zeros((), device=self.parameters[0].device if self.parameters else None)
        self.slots = {
            slot: [torch.zeros_like(parameter) for parameter in self.parameters] for slot in SLOTS[settings.optimiser]
        }

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rate: float | Tensor) -> None:
        """One update, by PyTorch's fused functions. `gradients` are in the order of the parameters; they are clipped.

        rate: a tensor if the update is captured in a graph, so that it may change (`isthmus.training.captured`).
        """
        if self._unit:
            gradients = self._along_spheres(gradients)
        match self.settings.clip:
            case "auto":
                gradients = self._without_bursts(gradients)
            case most if most > 0:
                gradients = clip(gradients, most)
        for factor, places in self.groups.items():
            own = [_laid_out_as(gradients[place], self.parameters[place]) for place in places]
            self._move(places, own, rate if factor == 1 else factor * rate)
        for place in self._unit:
            self.parameters[place].div_(self.parameters[place].norm(dim=0).clamp(min=SHORTEST))

    def _along_spheres(self, gradients: Sequence[Tensor]) -> Sequence[Tensor]:
        """The gradients without their parts parallel to columns of norm 1."""
        made = list(gradients)
        for place in self._unit:
            column, gradient = self.parameters[place], made[place]
            made[place] = gradient - (gradient * column).sum(0) * column
        return made

    def _without_bursts(self, gradients: Sequence[Tensor]) -> Sequence[Tensor]:
        """The gradients, scaled down together if their norm is above `BURST` times its running mean."""
        norm = _rough_norm(gradients)
        if norm.device.type == "cpu":  # elsewhere, to ask is to wait
            return self._without_burst_here(gradients, float(norm))
        known = self.usual > 0
        most = torch.where(known, BURST * self.usual, norm)
        self.usual.lerp_(torch.minimum(norm, most), torch.where(known, 1 - USUAL, 1.0))
        return scaled(gradients, (most / norm.clamp(min=1e-30)).clamp(max=1.0))

    def _without_burst_here(self, gradients: Sequence[Tensor], norm: float) -> Sequence[Tensor]:
        """The same on a CPU, where plain numbers take less time than tensors of one."""
        usual = float(self.usual)
        most = BURST * usual if usual > 0 else norm
        self.usual.fill_(usual + (1 - USUAL) * (min(norm, most) - usual) if usual > 0 else norm)
        return [gradient * (most / norm) for gradient in gradients] if norm > most else gradients

    def _move(self, places: list[int], gradients: list[Tensor], rate: Any) -> None:
        """One update of the parameters at these places."""
        decay, momentum = self.settings.weight_decay, self.settings.momentum
        parameters, counts = [self.parameters[place] for place in places], [self.counts[place] for place in places]
        slots = {name: [values[place] for place in places] for name, values in self.slots.items()}
        match self.settings.optimiser:
            case "adam" | "adamw" as name:
                adam(
                    parameters,
                    gradients,
                    slots["mean"],
                    slots["square"],
                    [],
                    counts,
                    foreach=False,
                    fused=True,
                    decoupled_weight_decay=name == "adamw",
                    amsgrad=False,
                    beta1=BETA1,
                    beta2=BETA2,
                    lr=rate,
                    weight_decay=decay,
                    eps=EPSILON,
                    maximize=False,
                )
            case "rmsprop":
                rmsprop(
                    parameters,
                    gradients,
                    slots["square"],
                    [],
                    slots["momentum"],
                    counts,
                    foreach=True,
                    lr=rate,
                    alpha=SMOOTHING,
                    eps=EPSILON,
                    weight_decay=decay,
                    momentum=momentum,
                    centered=False,
                )
            case "sgd":
                sgd(
                    parameters,
                    gradients,
                    list(slots["momentum"]),
                    fused=True,
                    lr=rate,
                    weight_decay=decay,
                    momentum=momentum,
                    dampening=0.0,
                    nesterov=False,
                    maximize=False,
                )

    def state(self) -> dict[str, Tensor]:
        """Its state, by "slot/parameter"."""
        named = {"count": self.counts, **self.slots}
        return {"usual": self.usual} | {
            f"{slot}/{name}": value
            for slot, values in named.items()
            for name, value in zip(self.names, values, strict=True)
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Restore the state that `state` returned."""
        for name, value in self.state().items():
            value.copy_(state[name])


def _laid_out_as(gradient: Tensor, parameter: Tensor) -> Tensor:
    """The gradient in the parameter's memory layout: the fused functions go through memory and never ask for it."""
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)


def _rough_norm(gradients: Sequence[Tensor]) -> Tensor:
    """The common norm; of large gradients on a CPU from rows spread over them: all would take a twentieth of a step.

    All gradients are taken in one call each: a small network has many, and a call costs more than its work.
    """
    rows = [
        gradient[:: -(-gradient.numel() // LARGE)]
        if gradient.numel() > LARGE and gradient.device.type == "cpu"
        else gradient  # an accelerator reads it in no time, and takes rows of a list one by one
        for gradient in gradients
    ]
    several: Any = torch  # whose functions over lists pyright doesn't know
    norms = several._foreach_norm(rows)
    if any(row is not gradient for row, gradient in zip(rows, gradients, strict=True)):
        pairs = zip(gradients, rows, strict=True)
        norms = several._foreach_mul(norms, [math.sqrt(one.numel() / max(1, row.numel())) for one, row in pairs])
    return torch.stack(list(norms)).norm()


def clip(gradients: Sequence[Tensor], largest: float) -> list[Tensor]:
    """The gradients, scaled down together if their common norm is above `largest`.

    Source: Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks (2013).
    """
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    return scaled(gradients, (largest / (norm + 1e-6)).clamp(max=1.0))


def scaled(gradients: Sequence[Tensor], factor: Tensor) -> list[Tensor]:
    """All gradients times a factor (), in one call: an accelerator launches one kernel instead of one for each."""
    several: Any = torch  # whose functions over lists pyright doesn't know
    return list(several._foreach_mul(list(gradients), factor))
