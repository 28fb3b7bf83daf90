"""The optimisers: their state by parameter name, one fused move outside a graph, and the same move inside one."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from isthmus.training.settings import Settings

BETA1, BETA2, EPSILON, SMOOTHING = 0.9, 0.999, 1e-8, 0.99
SLOTS = {
    "adam": ("mean", "square"),
    "adamw": ("mean", "square"),
    "rmsprop": ("square", "momentum"),
    "sgd": ("momentum",),
}


class Optimiser:
    """Moves parameters against their gradients, and remembers what its method needs.

    PyTorch's own optimiser classes pull in its compiler when they are made (seconds, and some 80 MB); its functions for
    the same mathematics do not, and a compiled step needs functions anyway.

    Source: Kingma & Ba, Adam (2015); Loshchilov & Hutter, Decoupled weight decay regularization (2019), for "adamw";
    Tieleman & Hinton, lecture 6.5 (2012), for "rmsprop"; Sutskever et al. (2013) for "sgd" with momentum.
    """

    def __init__(self, settings: Settings, parameters: Mapping[str, Tensor]) -> None:
        self.settings = settings
        self.names = list(parameters)
        self.parameters = [parameter.detach() for parameter in parameters.values()]  # the same memory
        self.counts = [torch.zeros((), device=parameter.device) for parameter in self.parameters]
        self.slots = {
            slot: [torch.zeros_like(parameter) for parameter in self.parameters] for slot in SLOTS[settings.optimiser]
        }

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor], rate: float) -> None:
        """One move, by PyTorch's fused functions. `gradients` are in the order of the parameters."""
        gradients, decay, momentum = list(gradients), self.settings.weight_decay, self.settings.momentum
        match self.settings.optimiser:
            case "adam" | "adamw" as name:
                adam(
                    self.parameters,
                    gradients,
                    self.slots["mean"],
                    self.slots["square"],
                    [],
                    self.counts,
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
                    self.parameters,
                    gradients,
                    self.slots["square"],
                    [],
                    self.slots["momentum"],
                    self.counts,
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
                    self.parameters,
                    gradients,
                    list(self.slots["momentum"]),
                    fused=True,
                    lr=rate,
                    weight_decay=decay,
                    momentum=momentum,
                    dampening=0.0,
                    nesterov=False,
                    maximize=False,
                )

    def state(self) -> dict[str, Tensor]:
        """What it remembers, by "slot/parameter"."""
        named = {"count": self.counts, **self.slots}
        return {
            f"{slot}/{name}": value
            for slot, values in named.items()
            for name, value in zip(self.names, values, strict=True)
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Take back what `state` gave."""
        for name, value in self.state().items():
            value.copy_(state[name])


def move_in_graph(
    settings: Settings,
    parameters: Sequence[Tensor],
    gradients: Sequence[Tensor],
    slots: Mapping[str, Sequence[Tensor]],
    counts: Sequence[Tensor],
    rate: Tensor,
) -> None:
    """The same move as `Optimiser.step`, in place, in operations that a compiler fuses with what comes before."""
    move = _MOVES[settings.optimiser]
    for index, (parameter, gradient, count) in enumerate(zip(parameters, gradients, counts, strict=True)):
        count.add_(1)
        own = [values[index] for values in slots.values()]
        parameter.sub_(move(settings, parameter, gradient, own, count, rate))


def clip(gradients: Sequence[Tensor], largest: float) -> list[Tensor]:
    """The gradients, scaled down together where their common norm is above `largest`.

    Source: Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks (2013).
    """
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    factor = (largest / (norm + 1e-6)).clamp(max=1.0)
    return [gradient * factor for gradient in gradients]


def _adam(
    settings: Settings, value: Tensor, gradient: Tensor, slots: list[Tensor], count: Tensor, rate: Tensor
) -> Tensor:
    mean, square = slots
    if settings.weight_decay and settings.optimiser == "adam":
        gradient = gradient + settings.weight_decay * value
    mean.lerp_(gradient, 1 - BETA1)
    square.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
    corrected = square.sqrt() / (1 - BETA2**count).sqrt() + EPSILON
    move = rate / (1 - BETA1**count) * mean / corrected
    if settings.weight_decay and settings.optimiser == "adamw":
        # PyTorch shrinks the weight first and then takes the step; both are the same subtraction
        move = move + rate * settings.weight_decay * value
    return move


def _rmsprop(
    settings: Settings, value: Tensor, gradient: Tensor, slots: list[Tensor], count: Tensor, rate: Tensor
) -> Tensor:
    square, momentum = slots
    gradient = gradient + settings.weight_decay * value
    square.mul_(SMOOTHING).addcmul_(gradient, gradient, value=1 - SMOOTHING)
    momentum.mul_(settings.momentum).add_(gradient / (square.sqrt() + EPSILON))
    return rate * momentum


def _sgd(
    settings: Settings, value: Tensor, gradient: Tensor, slots: list[Tensor], count: Tensor, rate: Tensor
) -> Tensor:
    (momentum,) = slots
    momentum.mul_(settings.momentum).add_(gradient + settings.weight_decay * value)
    return rate * momentum


_MOVES: dict[str, Callable[..., Tensor]] = {"adam": _adam, "adamw": _adam, "rmsprop": _rmsprop, "sgd": _sgd}
