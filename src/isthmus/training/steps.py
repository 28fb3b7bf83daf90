"""One training step, two ways: eager, in pieces that stay in the cache, or compiled whole as one function."""

import contextlib
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.data.precision import floating
from isthmus.errors import TrainingError, remark
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.batch import Inputs
from isthmus.parts import Conv
from isthmus.parts.forward_pass import map_tensors
from isthmus.parts.layers import for_compiler
from isthmus.parts.networks.recurrent import Recurrent
from isthmus.parts.shared_batch import weighed
from isthmus.training.copies import Copies
from isthmus.training.graph import compile_pure
from isthmus.training.optimisers import Optimiser
from isthmus.training.precision import bfloat16_products
from isthmus.training.settings import Settings, find_batch_size
from isthmus.training.step import Combine, Differentiate, Step, Terms, alone

COMPILE_SECONDS = 10.0
"""About what compiling costs, once, on two cores."""
SAVED_SECONDS = 0.45e-3
"""About what a compiled step of a dense network saves there."""
CONV_COMPILE_SECONDS = 30.0
"""What compiling a convolutional network costs there."""
SAVED_SECONDS_PER_PIXEL = 60e-9
"""About what its compiled step saves there, for each pixel of each picture."""
PIECE = 128
"""Samples of a picture batch that go through a convolutional network at once on a CPU."""


class Loss(nn.Module):
    """The model with its objective, so that one call makes the scalar to minimise."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Inputs, weights: Tensor | None) -> tuple[Tensor, Terms]:
        """A batch's inputs to (loss, terms)."""
        return self.model.loss(self.model(*inputs), weights)


def make_step(
    model: Autoencoder,
    optimiser: Optimiser,
    settings: Settings,
    device: torch.device,
    batch_size: int,
    combine: Combine = alone,
) -> Step:
    """The step that the settings ask for and that suits the device.

    batch_size: of this process. combine: makes its gradients and losses those of the whole batch.
    """
    eager = eager_step(model, optimiser, settings, device, combine)
    # a graph can't wait for other processes, as batch-wide parts do
    if settings.compile is True and (combine is alone or not looks_over_batch(model)):
        return compiled_step(model, optimiser, settings, device, batch_size, eager, combine)
    return eager


def differentiated(model: Autoencoder, settings: Settings, device: torch.device) -> Differentiate:
    """Loss and gradients of one batch as PyTorch computes them line by line."""
    loss = Loss(model)
    if settings.precision == "bfloat16" and device.type != "cpu" and model.blueprint is not None:
        return _by_copies(loss, settings, device)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def differentiate(inputs: Inputs, weights: Tensor | None) -> tuple[list[Tensor], Tensor, Terms]:
        with _products(settings, device):
            total, terms = _share_of(*loss(inputs, weights))
        gradients = torch.autograd.grad(total, parameters, materialize_grads=True)
        return list(gradients), total.detach(), {name: term.detach() for name, term in terms.items()}

    return differentiate


def _by_copies(loss: Loss, settings: Settings, device: torch.device) -> Differentiate:
    """The same by copies of the weights in bfloat16 (see `isthmus.training.copies`)."""
    copies = Copies(loss)

    def differentiate(inputs: Inputs, weights: Tensor | None) -> tuple[list[Tensor], Tensor, Terms]:
        differentiated = copies.refresh()
        with _products(settings, device):
            total, terms = _share_of(*torch.func.functional_call(loss, copies.named, (inputs, weights)))
        gradients = torch.autograd.grad(total, differentiated, materialize_grads=True)
        made = copies.in_float32(list(gradients))
        return made, total.detach(), {name: term.detach() for name, term in terms.items()}

    return differentiate


def eager_step(
    model: Autoencoder, optimiser: Optimiser, settings: Settings, device: torch.device, combine: Combine = alone
) -> Step:
    """The step as PyTorch runs it line by line; convolutions in pieces whose activations stay in the cache."""
    differentiate = differentiated(model, settings, device)
    piece = _piece(model, device)

    def in_pieces(inputs: Inputs, weights: Tensor | None, size: int) -> tuple[list[Tensor], Tensor, Terms]:
        sums: list[Tensor] = []
        total, terms = torch.zeros((), device=device), {}
        for start in range(0, len(inputs.raw), size):
            part = map_tensors(lambda x, start=start: x[start : start + size], inputs)
            gradients, loss, means = differentiate(part, weights)
            share = len(part.raw) / len(inputs.raw)
            scaled = [gradient.mul_(share) for gradient in gradients]
            sums = [one.add_(other) for one, other in zip(sums, scaled, strict=True)] if sums else scaled
            total = total + share * loss
            terms = {name: terms.get(name, 0) + share * mean for name, mean in means.items()}
        return sums, total, terms

    def step(inputs: Inputs, weights: Tensor | None, rate: float) -> tuple[Tensor, Terms]:
        whole = piece is None or len(inputs.raw) <= piece
        found = differentiate(inputs, weights) if whole else in_pieces(inputs, weights, piece or 0)
        gradients, total, terms = combine(*found)
        optimiser.step(gradients, rate)
        return total, terms

    return step


def compiled_step(
    model: Autoencoder,
    optimiser: Optimiser,
    settings: Settings,
    device: torch.device,
    batch_size: int,
    remainder: Step,
    combine: Combine = alone,
) -> Step:
    """The step with its loss and gradients as one pure, compiled function, followed by the optimiser's move.

    `torch.func.grad_and_value` over `functional_call`; buffers that change in the forward pass are cloned inside and
    come back. `remainder` takes the last, smaller batch of an epoch, which is not worth a graph of its own.
    """
    loss = Loss(model)
    trained = {name for name, parameter in loss.named_parameters() if parameter.requires_grad}
    # the same memory as the optimiser's, in its order
    parameters = {name: value.detach() for name, value in loss.named_parameters() if name in trained}
    fixed = {name: value.detach() for name, value in loss.named_parameters() if name not in trained}
    buffers = dict(loss.named_buffers())
    changing = [name for name in buffers if name.removeprefix("model.") in model.state_dict()]

    def value(
        parameters: dict[str, Tensor],
        fixed: dict[str, Tensor],
        buffers: dict[str, Tensor],
        inputs: Inputs,
        weights: Tensor | None,
    ) -> Any:
        own = {name: buffer.clone() if name in changing else buffer for name, buffer in buffers.items()}
        with _products(settings, device, traced=True), for_compiler(model):
            total, terms = torch.func.functional_call(loss, (parameters, fixed, own), (inputs, weights))
        return total, (terms, {name: own[name] for name in changing})

    pure = torch.func.grad_and_value(value, has_aux=True)
    compiled: Callable[..., Any] | None = None
    fell_back = False

    @torch.no_grad()
    def step(inputs: Inputs, weights: Tensor | None, rate: float) -> tuple[Tensor, Terms]:
        nonlocal fell_back, compiled
        if len(inputs.raw) != batch_size or fell_back:
            with torch.enable_grad():
                return remainder(inputs, weights, rate)
        if device.type == "cpu":  # compiled, the conversion of bytes is not vectorised
            inputs = inputs._replace(raw=floating(inputs.raw))
        arguments = (parameters, fixed, buffers, inputs, weights)
        try:
            compiled = compiled or compile_pure(pure, arguments)
            gradients, (total, (terms, after)) = compiled(*arguments)
        except Exception as error:  # whatever a compiler stumbles over, training goes on without it
            fell_back = True
            why = next(iter(str(error).splitlines()), type(error).__name__)
            remark(f"The training step could not be compiled, so it runs uncompiled ({why}).")
            return step(inputs, weights, rate)
        for name, buffer in after.items():
            buffers[name].copy_(buffer)
        moves = [weighed(gradients[name]) for name in parameters]
        moves, total, terms = combine(moves, *_share_of(total, terms))
        optimiser.step(moves, rate)
        return total, terms

    return step


def worth_compiling(model: Autoencoder, settings: Settings, samples: int, device: torch.device) -> bool:
    """Whether compiling saves time for this run, decided from the model and the number of steps only.

    Nothing is timed, so the same run always makes the same choice and gives the same bits. Of the convolutional
    networks, plain pooled ones for pictures gain on a CPU (see `isthmus.parts.pictures`); others lose, or were not
    measured. Recurrent layers take minutes to compile, because each step is a part of the graph. Batches of tokens are
    cut to their longest sample instead, which a graph of one shape rules out (a transformer on lines of text: 3.3 s of
    processor time for 512 lines, and 5.8 s compiled). Some codes can't be compiled. An accelerator gained nothing
    (0.57 s an epoch of `deep` instead of 0.40 to 0.62, H200).
    """
    if device.type != "cpu":  # where the launches of small kernels take the time, and compiled ones as many
        return False
    if (
        model.cuttable
        or not (model.code.compiles and model.code.prior.compiles)
        or any(isinstance(layer, Recurrent) for layer in model.modules())
    ):
        return False
    batch_size = find_batch_size(settings, samples)
    cost, saved = COMPILE_SECONDS, SAVED_SECONDS
    if any(isinstance(layer, nn.Conv1d | nn.Conv2d) for layer in model.modules()):
        network = model.blueprint.network if model.blueprint else None
        plain = isinstance(network, Conv) and network.form == "pooled" and len(model.shape) == 3
        if not isinstance(network, Conv) or not plain or network.normalisation or network.dropout:
            return False
        cost, saved = CONV_COMPILE_SECONDS, SAVED_SECONDS_PER_PIXEL * batch_size * math.prod(model.input_shape[1:])
    return settings.epochs * (samples // batch_size) * saved > cost


def count_steps(model: nn.Module, samples: int, batch_size: int) -> int:
    """The number of steps in an epoch. With batch normalisation, a single remaining sample joins the batch before it.

    Raises:
        TrainingError: every batch would be a single sample, which can't be normalised.
    """
    steps = -(-samples // batch_size)
    if not _normalises(model):
        return steps
    if min(samples, batch_size) == 1 and any(isinstance(layer, nn.BatchNorm1d) for layer in model.modules()):
        raise TrainingError(
            "Batch normalisation needs at least two samples in a batch, but these batches have one. Give more samples "
            "or a larger batch_size, or set normalisation='layer'."
        )
    return steps - 1 if steps > 1 and samples % batch_size == 1 else steps


def _normalises(model: nn.Module) -> bool:
    return any(isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) for layer in model.modules())


def _share_of(total: Tensor, terms: Terms) -> tuple[Tensor, Terms]:
    """A loss and its terms; of a share of a batch, its part of them (`isthmus.parts.shared_batch`)."""
    return weighed(total), {name: weighed(term) for name, term in terms.items()}


def looks_over_batch(model: Autoencoder) -> bool:
    """Whether a part of the model looks at the batch as a whole."""
    return (
        _normalises(model)
        or model.code_module is not None
        or model.code.prior.over_batch
        or any(penalty.over_batch for penalty in model.objective.penalties)
    )


def _piece(model: Autoencoder, device: torch.device) -> int | None:
    """The number of samples to process at once, so that a convolution's activations stay in the cache."""
    convolves = any(isinstance(layer, nn.Conv2d) for layer in model.encoder.modules())
    return PIECE if device.type == "cpu" and convolves and not looks_over_batch(model) else None


def _products(
    settings: Settings, device: torch.device, *, traced: bool = False
) -> contextlib.AbstractContextManager[None]:
    """Products in bfloat16, if the settings ask for it."""
    return contextlib.nullcontext() if settings.precision == "float32" else bfloat16_products(device, traced=traced)
