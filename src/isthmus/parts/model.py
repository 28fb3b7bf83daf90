"""A model as its parts see it: what they may ask of it, and the ways through its networks."""

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from isthmus.parts.conditioning import Conditioning
from isthmus.parts.corruptions import Corruption
from isthmus.parts.distances import Distance
from isthmus.parts.forward_pass import Batch, Code, Pass
from isthmus.parts.layers import Chain
from isthmus.parts.outputs import Output
from isthmus.parts.part import Part, Shape


class Model(Protocol):
    """An `Autoencoder`, for its penalties and its prior.

    code: the `CodeKind`, which knows its prior, and the prior knows models; hence no closer type.
    bound: how the losses of several draws of one sample's code become one (`Objective`).
    """

    encoder: nn.Module
    decoder: nn.Module
    code: Any
    code_module: nn.Module | None
    prior_module: nn.Module | None
    distance: Distance
    corruption: Corruption
    predicts: Output
    conditioning: Conditioning
    shape: Shape
    input_shape: Shape
    code_shape: Shape
    bound: Any

    def module_of(self, part: Part) -> nn.Module:
        """The weights that this penalty of the model, or its prior, has of its own."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """All weights."""
        ...

    def __call__(self, raw: Tensor, *, labels: Tensor | None = None) -> Pass:
        """(N, *shape) raw samples to their Pass, without draws."""
        ...


def encoder_shape(model: Model) -> Shape:
    """The shape of what the encoder gets, with the conditioning attached."""
    return model.conditioning.encoder_shape(model.shape if model.predicts.aligned else model.input_shape)


def encoder_input(model: Model, values: Tensor, observed: Tensor | None, labels: Tensor | None) -> Tensor:
    """(N, *input_shape) scaled samples to (N, *encoder_shape): laid out, scaled for the encoder, and conditioned."""
    laid_out = model.predicts.laid_out(values, model.shape, model.corruption)
    return model.conditioning.to_encoder(model.distance.as_input(laid_out), observed, labels)


def code_from(model: Model, encoded: Tensor) -> Code:
    """(N, *encoder_shape) what the encoder gets to the Code, without draws."""
    return model.code(model.encoder(encoded).to(encoded.dtype), None, model.code_module)


def code_of(model: Model, values: Tensor, batch: Batch | None = None) -> Tensor:
    """(N, *input_shape) scaled samples to (N, *code), for penalties that differentiate it.

    The encoder has the batch's labels and dropout; the code itself is without its draws.
    """
    encoded = encoder_input(model, values, None, None if batch is None else batch.labels)
    masks = () if batch is None or not isinstance(model.encoder, Chain) else (batch.draws.get("encoder"),)
    return model.code(model.encoder(encoded, *masks).to(values.dtype), None, model.code_module).z


def code_after(model: Model, layer: str, output: Tensor, batch: Batch) -> Tensor:
    """As `code_of`, from the output of one of the encoder's layers on, of an encoder that is a `Chain`."""
    features = model.encoder(output, batch.draws.get("encoder"), after=layer)
    return model.code(features.to(output.dtype), None, model.code_module).z


def picture_of(model: Model, z: Tensor, labels: Tensor | None = None) -> Tensor:
    """(N, *code) to (N, *shape), scaled."""
    return model.distance.picture(model.decoder(model.conditioning.to_decoder(z, labels)).to(z.dtype))


def example(model: Model) -> Pass:
    """The pass of one sample of zeros (the first label, where there is a condition), for its layers' shapes."""
    with eval_mode(model):
        return model(zeros(model, model.shape), labels=torch.zeros(1, dtype=torch.int64))


def zeros(model: Model, shape: Shape) -> Tensor:
    """(1, *shape) zeros as the weights are: on their device, of their type."""
    like = next((weight for weight in model.parameters() if weight.is_floating_point()), torch.zeros(()))
    return like.new_zeros(1, *shape)


@contextlib.contextmanager
def eval_mode(model: Any) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards each module is in the mode it was in."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
