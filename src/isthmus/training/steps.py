"""One training step, two ways: eager, in pieces that stay in the cache, or compiled whole as a pure function."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.autoencoder import Autoencoder
from isthmus.parts import Conv
from isthmus.training.settings import Settings

Terms = dict[str, Tensor]
Step = Callable[[Tensor, Any, Tensor | None], tuple[Tensor, Terms]]
"""(raw batch, draws, penalty weights) to (loss, terms), with every parameter's `.grad` set."""

COMPILE_SECONDS = 15.0
"""About what compiling costs, once."""


class Objective(nn.Module):
    """The model with its loss, so that one call makes the scalar to minimise."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, raw: Tensor, draws: Any, weights: Tensor | None) -> tuple[Tensor, Terms]:
        """(N, *shape) raw batch to (loss, terms)."""
        return self.model.loss(self.model(raw, draws), weights)


def eager_step(model: Autoencoder, settings: Settings, device: torch.device) -> Step:
    """The step as PyTorch runs it line by line; convolutions in pieces whose activations stay in the cache."""
    piece = _piece(model, device)

    def step(raw: Tensor, draws: Any, weights: Tensor | None) -> tuple[Tensor, Terms]:
        model.zero_grad(set_to_none=True)
        if piece is None or len(raw) <= piece:
            with _products(settings, device):
                total, terms = model.loss(model(raw, draws), weights)
            total.backward()
            return total.detach(), _detached(terms)
        sums: Terms = {}
        for start in range(0, len(raw), piece):
            part = slice(start, start + piece)
            share = len(raw[part]) / len(raw)
            with _products(settings, device):
                total, terms = model.loss(model(raw[part], _cut(draws, part)), weights)
                total = total * share
            total.backward()
            for name, term in {"": total, **{name: term * share for name, term in terms.items()}}.items():
                sums[name] = sums[name] + term.detach() if name in sums else term.detach()
        return sums.pop(""), sums

    return step


def compiled_step(model: Autoencoder, settings: Settings, device: torch.device) -> Step:
    """The step as one pure, compiled function of parameters, buffers, batch and draws.

    Source: `torch.func.grad_and_value` over `functional_call`; buffers that change in the forward pass go in, are cloned
    inside and come back.
    """
    objective = Objective(model)
    parameters = {name: parameter for name, parameter in objective.named_parameters() if parameter.requires_grad}
    buffers = dict(objective.named_buffers())

    def value(parameters: dict[str, Tensor], buffers: dict[str, Tensor], raw: Tensor, draws: Any, weights: Any) -> Any:
        buffers = {name: buffer.clone() for name, buffer in buffers.items()} if objective.training else buffers
        with _products(settings, device):
            total, terms = torch.func.functional_call(objective, (parameters, buffers), (raw, draws, weights))
        return total, (terms, buffers)

    pure = torch.func.grad_and_value(value, has_aux=True)
    compiled = torch.compile(pure, fullgraph=True, dynamic=False)
    eager = eager_step(model, settings, device)
    changing = {name for name, _ in objective.named_buffers() if not name.startswith("model.scaling.")}

    def step(raw: Tensor, draws: Any, weights: Tensor | None) -> tuple[Tensor, Terms]:
        if len(raw) != settings.batch_size:  # the last, smaller batch is not worth a graph of its own
            return eager(raw, draws, weights)
        values = {name: parameter.detach() for name, parameter in parameters.items()}
        gradients, (total, (terms, after)) = compiled(values, buffers, raw, draws, weights)
        for name, parameter in parameters.items():
            parameter.grad = gradients[name]
        for name in changing:
            buffers[name].copy_(after[name])
        return total, terms

    return step


def worth_compiling(model: Autoencoder, settings: Settings, steps: int, device: torch.device) -> bool:
    """Whether compiling this run wins back its seconds, judged by the model and the number of steps alone.

    Nothing is timed, so that the same run always goes the same way and gives the same bits. Convolutions lose when
    compiled on a CPU. A dense step saves about 0.5 ms of PyTorch's own time, and a share of its arithmetic.
    """
    if device.type == "cpu" and any(isinstance(layer, nn.Conv1d | nn.Conv2d) for layer in model.modules()):
        return False
    weights = sum(parameter.numel() for parameter in model.parameters())
    seconds_saved = 0.5e-3 + 0.1 * 6 * weights * settings.batch_size / 100e9
    return steps * seconds_saved > 2 * COMPILE_SECONDS


def _piece(model: Autoencoder, device: torch.device) -> int | None:
    """How many samples go through at once: a convolution's activations should stay in the cache."""
    normalises = any(isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) for layer in model.modules())
    network = model.blueprint.network if model.blueprint else None
    return 64 if device.type == "cpu" and isinstance(network, Conv) and not normalises else None


@contextlib.contextmanager
def _products(settings: Settings, device: torch.device) -> Iterator[None]:
    """Products in bfloat16 where the settings say so."""
    if settings.precision == "float32":
        yield
    else:
        with torch.autocast(device.type, torch.bfloat16):
            yield


def _cut(draws: Any, part: slice) -> Any:
    """The draws of a piece of the batch."""
    return torch.utils._pytree.tree_map(lambda draw: draw[part], draws)


def _detached(terms: Terms) -> Terms:
    return {name: term.detach() for name, term in terms.items()}
