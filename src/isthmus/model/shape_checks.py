"""Trying a model's modules on one sample of zeros: whether they fit each other, before any data come."""

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from isthmus.data.scaling import Scaling
from isthmus.errors import BlueprintError
from isthmus.parts import Corruption, Custom, Shape
from isthmus.parts.distances.distance import words

if TYPE_CHECKING:
    from isthmus.model.autoencoder import Autoencoder


def find_code_shape(model: "Autoencoder") -> Shape:
    """What the encoder makes of one sample of zeros."""
    with eval_mode(model):
        try:
            features = model.encoder(zeros(model, model.conditioning.encoder_shape(model.input_shape)))
            return tuple(model.code(features, None, model.code_module).z.shape[1:])
        except RuntimeError as error:
            raise BlueprintError(
                f"The encoder can't take one sample of shape {model.input_shape}: {str(error).splitlines()[0]}. "
                "Give `shape` as the encoder's input has it."
            ) from error


def check_decoder(model: "Autoencoder") -> None:
    """Raise BlueprintError unless the decoder makes a sample of one code of zeros."""
    with eval_mode(model):
        try:
            made = tuple(model.decoder(zeros(model, model.conditioning.decoder_shape(model.code_shape))).shape[1:])
        except RuntimeError as error:
            raise BlueprintError(
                f"The decoder can't take one code of shape {model.code_shape}: {str(error).splitlines()[0]}. "
                "Give a decoder that takes what the encoder makes."
            ) from error
    wanted = model.distance.outputs(model.shape)
    if made != wanted:
        raise BlueprintError(
            f"The decoder makes samples of shape {made}, but the data have {wanted}. "
            "Give a decoder that ends in the data's shape (nn.Unflatten, for example)."
        )


def check_distance(model: "Autoencoder") -> None:
    """Raise BlueprintError where a distance of your own gives no loss of two samples of zeros."""
    if isinstance(model.distance, Custom):
        target = zeros(model, model.shape).expand(2, *model.shape)
        with torch.no_grad():
            model.distance(zeros(model, model.distance.outputs(model.shape)).expand_as(target), target)


def check_correction(model: "Autoencoder") -> None:
    """Raise BlueprintError where what comes in can't be added to what the decoder makes."""
    output = torch.linspace(-2, 2, math.prod(model.shape)).view(1, *model.shape)
    if model.distance.outputs(model.shape) != model.shape or not torch.equal(model.distance.picture(output), output):
        raise BlueprintError(
            f"predicts='residual' needs a decoder whose output is the picture itself, but that of {model.distance} "
            "is not. Use distance='mse' with link='identity', or predicts='sample'."
        )
    model.as_clean(torch.zeros(1, *model.input_shape))


def check_as_bytes(corruption: Corruption, scaling: Scaling) -> None:
    """Raise BlueprintError where samples can't be damaged as files of bytes would be."""
    if corruption.as_bytes and scaling.range != (0.0, 1.0):
        raise BlueprintError(
            f"as_bytes=True damages samples as files of bytes would be, but these are {words(scaling.range)}. "
            "Scale them to 0..1 (scaling='minmax'), or say as_bytes=False."
        )


def zeros(model: "Autoencoder", shape: Shape) -> Tensor:
    """(1, *shape) zeros as the weights are: on their device, of their type."""
    like = next((weight for weight in model.parameters() if weight.is_floating_point()), model.scaling.scale)
    return like.new_zeros(1, *shape)


@contextlib.contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Every module in evaluation mode and without gradients, then each as it was."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True
