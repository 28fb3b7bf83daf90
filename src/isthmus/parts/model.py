"""The interface of a model for its parts, and helpers that run its networks."""

import contextlib
from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from isthmus.errors import UseError
from isthmus.parts.conditioning import Conditioning
from isthmus.parts.corruptions import Corruption
from isthmus.parts.distances import Distance
from isthmus.parts.forward_pass import Batch, Code, Pass
from isthmus.parts.layers import Chain, traced
from isthmus.parts.outputs import Output
from isthmus.parts.part import Part, Shape


class Model(Protocol):
    """An `Autoencoder`, as its penalties and its prior use it.

    code: the `CodeKind`. It is typed Any, because its prior's type refers to this one.
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

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        ...

    @property
    def decodes(self) -> bool:
        """Whether the code alone can be decoded."""
        ...

    @property
    def skips(self) -> bool:
        """Whether the decoder sees layers of the encoder."""
        ...

    def module_of(self, part: Part) -> nn.Module:
        """The module with the weights of this penalty or of the prior."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """All weights."""
        ...

    def __call__(self, raw: Tensor, *, labels: Tensor | None = None) -> Pass:
        """The Pass of (N, *shape) raw samples, without draws."""
        ...


def encoder_shape(model: Model) -> Shape:
    """The shape of the encoder's input, including the conditioning."""
    return model.conditioning.encoder_shape(model.shape if model.predicts.aligned else model.input_shape)


def encoder_input(model: Model, values: Tensor, observed: Tensor | None, labels: Tensor | None) -> Tensor:
    """The encoder's input (N, *encoder_shape) from (N, *input_shape) scaled samples, with the conditioning."""
    laid_out = model.predicts.laid_out(values, model.shape, model.corruption)
    return model.conditioning.to_encoder(model.distance.as_input(laid_out), observed, labels)


def code_from(model: Model, encoded: Tensor, draws: Tensor | None = None) -> Code:
    """The Code of the encoder's input (N, *encoder_shape); draws: the code's random numbers, if it is to be random."""
    return model.code(model.encoder(encoded).to(encoded.dtype), draws, model.code_module)


def code_of(model: Model, values: Tensor, batch: Batch | None = None) -> Tensor:
    """(N, *input_shape) scaled samples to (N, *code), for penalties that differentiate the code.

    The encoder uses the batch's labels and dropout masks; the code is computed without draws.
    """
    encoded = encoder_input(model, values, None, None if batch is None else batch.labels)
    masks = () if batch is None or not isinstance(model.encoder, Chain) else (batch.draws.get("encoder"),)
    return model.code(model.encoder(encoded, *masks).to(values.dtype), None, model.code_module).z


def code_after(model: Model, layer: str, output: Tensor, batch: Batch) -> Tensor:
    """Like `code_of`, but starting from the output of one of the encoder's layers. The encoder must be a `Chain`."""
    features = model.encoder(output, batch.draws.get("encoder"), after=layer)
    return model.code(features.to(output.dtype), None, model.code_module).z


def check_decodes(model: Model) -> None:
    """Raise UseError unless the code alone can be decoded."""
    if model.decodes:
        return
    cause = "has skip connections around the code" if model.skips else "adds its output to its input"
    raise UseError(
        f"This model {cause}, so its code alone can't be decoded. Reconstruct or restore whole samples, or "
        "train a model with skips=False and predicts='sample'."
    )


def picture_of(model: Model, z: Tensor, labels: Tensor | None = None) -> Tensor:
    """Decode (N, *code) to (N, *shape), scaled.

    Raises:
        UseError: the decoder sees more than the code.
    """
    check_decodes(model)
    return model.distance.picture(model.decoder(model.conditioning.to_decoder(z, labels)).to(z.dtype))


def predicted(model: Model, z: Tensor, target: Tensor, labels: Tensor | None = None) -> Tensor:
    """(N, *outputs) the decoder's output for (N, *code), given the samples (N, *shape) if it takes them."""
    return traced(model.decoder, model.conditioning.to_decoder(z, labels), target=target)[0].to(z.dtype)


def example(model: Model) -> Pass:
    """The pass of one sample of zeros (with label 0, if there is a condition), to find the layers' shapes."""
    with eval_mode(model):
        return model(zeros(model, model.shape), labels=torch.zeros(1, dtype=torch.int64))


def zeros(model: Model, shape: Shape) -> Tensor:
    """(1, *shape) zeros on the weights' device and in their type."""
    like = next((weight for weight in model.parameters() if weight.is_floating_point()), None)
    return torch.zeros(1, *shape, device=model.device) if like is None else like.new_zeros(1, *shape)


@contextlib.contextmanager
def eval_mode(model: Any) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards each module's mode is restored."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode
