"""Trying a model's modules on one sample of zeros: whether they fit each other, before any data come."""

import math
from typing import Protocol
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from isthmus.data.scaling import Scaling
from isthmus.errors import BlueprintError, DataError, IsthmusError, UseError
from isthmus.parts import Custom, Shape
from isthmus.parts.distances.distance import words
from isthmus.parts.model import Model, encoder_shape, eval_mode, example, zeros


class ScaledModel(Model, Protocol):
    """A model that carries its scaling."""

    scaling: Scaling

    @property
    def decodes(self) -> bool:
        """Whether its code alone can be decoded."""
        ...

    @property
    def skips(self) -> bool:
        """Whether the decoder sees layers of the encoder."""
        ...


def find_code_shape(model: Model) -> Shape:
    """The shape of the code that the encoder makes of one sample of zeros."""
    with eval_mode(model):
        try:
            features = model.encoder(zeros(model, encoder_shape(model)))
            return tuple(model.code(features, None, model.code_module).z.shape[1:])
        except RuntimeError as error:
            raise BlueprintError(
                f"The encoder can't take one sample of shape {model.input_shape}: {str(error).splitlines()[0]}. "
                "Give `shape` as the encoder's input has it."
            ) from error


def check_parts(model: ScaledModel, *, modules: bool = True) -> None:
    """Raise BlueprintError where the parts, and the modules where they are custom, don't fit each other."""
    model.corruption.check(model.shape)
    if model.corruption.as_bytes and model.scaling.range != (0.0, 1.0):
        raise BlueprintError(
            f"as_bytes=True damages samples as files of bytes would be, but these are {words(model.scaling.range)}. "
            "Scale them to 0..1 (scaling='minmax'), or say as_bytes=False."
        )
    model.code.check(model.code_shape)
    if modules:
        _check_decoder(model)
    if isinstance(model.distance, Custom):  # which must give a loss of two samples of zeros
        target = zeros(model, model.shape).expand(2, *model.shape)
        with torch.no_grad():
            model.distance(zeros(model, model.distance.outputs(model.shape)).expand_as(target), target)
    model.predicts.check(model.shape, model.corruption, model.distance)


def check_codes(model: ScaledModel, z: Tensor) -> None:
    """Raise UseError where the code alone can't be decoded, DataError where these aren't (N, *code)."""
    check_decodes(model)
    if tuple(z.shape[1:]) != model.code_shape:
        wanted = ", ".join(map(str, model.code_shape))
        raise DataError(
            f"The codes have shape {tuple(z.shape)}, this model takes (N, {wanted}). Give codes that its encode made."
        )


def check_decodes(model: ScaledModel, refusal: type[IsthmusError] = UseError) -> None:
    """Raise `refusal` unless the code alone can be decoded."""
    if model.decodes:
        return
    what = "has skip connections past the code" if model.skips else "corrects its input"
    raise refusal(
        f"This model {what}, so that its code alone can't be decoded. Reconstruct or restore whole samples, or "
        "train one without (skips=False, predicts='sample')."
    )


def max_width(model: Model) -> int:
    """The most numbers that one sample has on its way: at the input, in a layer, or at the output."""
    if model not in _WIDTHS:
        out = example(model)
        made = (out.corrupted, out.code.z, out.output, *out.layers.values())
        _WIDTHS[model] = max(math.prod(numbers.shape[1:]) for numbers in made)
    return _WIDTHS[model]


_WIDTHS: WeakKeyDictionary[Model, int] = WeakKeyDictionary()
"""Models that have been tried; to try one takes a millisecond."""


def _check_decoder(model: Model) -> None:
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
