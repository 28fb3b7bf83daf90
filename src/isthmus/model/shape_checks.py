"""Shape checks: try a model's modules on one sample of zeros to see whether they fit each other."""

import math
from typing import Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from isthmus.data.scaling import Scaling
from isthmus.errors import BlueprintError, DataError
from isthmus.parts import Custom, Shape
from isthmus.parts.distances.distance import words
from isthmus.parts.model import Model, check_decodes, encoder_shape, eval_mode, example, zeros
from isthmus.parts.networks.generating import generating
from isthmus.parts.part import commas


class ScaledModel(Model, Protocol):
    """A model that carries its scaling."""

    scaling: Scaling


def find_code_shape(model: Model) -> Shape:
    """The code's shape, found by encoding one sample of zeros."""
    with eval_mode(model):
        try:
            features = model.encoder(zeros(model, encoder_shape(model)))
            return tuple(model.code(features, None, model.code_module).z.shape[1:])
        except RuntimeError as error:
            raise BlueprintError(
                f"The encoder can't take one sample of shape {model.input_shape}: {str(error).splitlines()[0]}. "
                "Set `shape` to the shape of the encoder's input."
            ) from error


def check_parts(model: ScaledModel, *, modules: bool = True) -> None:
    """Raise BlueprintError if the parts, or the custom modules, don't fit each other."""
    model.corruption.check(model.shape)
    if model.corruption.as_bytes and model.scaling.range != (0.0, 1.0):
        raise BlueprintError(
            f"as_bytes=True rounds samples to bytes and needs data in 0..1, but these are "
            f"{words(model.scaling.range)}. Scale them with scaling='minmax', or set as_bytes=False."
        )
    model.code.check(model.code_shape)
    if modules:
        _check_decoder(model)
    if isinstance(model.distance, Custom):  # try it on two samples of zeros
        target = zeros(model, model.shape).expand(2, *model.shape)
        with torch.no_grad():
            model.distance(zeros(model, model.distance.outputs(model.shape)).expand_as(target), target)
    model.predicts.check(model.shape, model.corruption, model.distance)
    if (writer := generating(model.decoder)) is not None:
        writer.check(model)


def check_codes(model: ScaledModel, z: Tensor) -> None:
    """Raise UseError if the code alone can't be decoded, DataError if the codes aren't (N, *code)."""
    check_decodes(model)
    if tuple(z.shape[1:]) != model.code_shape:
        raise DataError(
            f"The codes have shape {tuple(z.shape)}, but this model expects (N, {commas(model.code_shape)}). "
            "Give codes that this model's encode made."
        )


def max_width(model: Model) -> int:
    """The largest count of numbers that one sample has anywhere: at the input, in a layer, or at the output."""
    if model not in _WIDTHS:
        out = example(model)
        made = (out.corrupted, out.code.z, out.output, *out.layers.values())
        _WIDTHS[model] = max(math.prod(numbers.shape[1:]) for numbers in made)
    return _WIDTHS[model]


_WIDTHS: WeakKeyDictionary[Model, int] = WeakKeyDictionary()
"""Results for models that were tried already; one try takes a millisecond."""


def _check_decoder(model: Model) -> None:
    """Raise BlueprintError unless the decoder turns one code of zeros into a sample."""
    with eval_mode(model):
        try:
            made = tuple(model.decoder(zeros(model, model.conditioning.decoder_shape(model.code_shape))).shape[1:])
        except RuntimeError as error:
            raise BlueprintError(
                f"The decoder can't take one code of shape {model.code_shape}: {str(error).splitlines()[0]}. "
                "Give a decoder whose input has the code's shape."
            ) from error
    wanted = model.distance.outputs(model.shape)
    if made != wanted:
        raise BlueprintError(
            f"The decoder's output has shape {made}, but the data need {wanted}. "
            "Let the decoder end in that shape, for example with nn.Unflatten."
        )
