"""The start at PCA: a linear path beside the network, which begins as the best that a linear autoencoder can do."""

import math
from typing import Any

import torch

from isthmus.errors import BlueprintError
from isthmus.parts import CodeKind, Distance, GaussianCode, Plain, Shape
from isthmus.parts.bypass import add_bypass
from isthmus.parts.layers import Chain
from isthmus.pca import principal_components


def check_linear(code: CodeKind, code_shape: Shape, distance: Distance, shape: Shape, given: Shape) -> None:
    """Raise BlueprintError where no linear path can lead from the data to the code and back.

    given: the shape of what the encoder gets.
    """
    if len(code_shape) != 1:
        raise BlueprintError(
            f"start='pca' needs a flat code, but this one has shape {code_shape}. Say code=32, for example."
        )
    linear = isinstance(code, GaussianCode) or (isinstance(code, Plain) and code.activation == "identity")
    if not linear:
        raise BlueprintError(
            f"start='pca' needs a code that is what the encoder makes, but {code} changes it. "
            "Use code='plain' without an activation, code='gaussian', or start='mean'."
        )
    output = torch.linspace(-2, 2, math.prod(shape)).view(1, *shape)
    if distance.outputs(shape) != shape or not torch.equal(distance.picture(output), output):
        raise BlueprintError(
            f"start='pca' needs a decoder whose output is the picture itself, but that of {distance} is not. "
            "Use distance='mse' with link='identity', or start='mean'."
        )
    if given != shape:
        raise BlueprintError(
            f"start='pca' needs an encoder that gets samples in their own shape, {shape}, but it gets {given}. "
            "Take another corruption, no condition and no missing numbers, or start='mean'."
        )


def start_at_pca(encoder: Chain, decoder: Chain, shape: Shape, features: Shape, code: Shape, data: Any) -> None:
    r"""Put linear paths beside the layers: :math:`z = W(x - m) + f(x)` and :math:`x' = W^\top z + m + g(z)`.

    f and g are 0 at first, W and m the principal components and the mean of the training part: the model begins as PCA,
    with the weights of the linear paths free like all others. Of a Gaussian code z is the mean, and σ is 1.

    features: the shape of what the encoder makes, (size,) or for a Gaussian code twice as many.
    data: with `train` and `scaling`; None leaves the paths at 0, for weights that come from elsewhere.

    Raises:
        BlueprintError: there is no training part to learn from, or no place for a linear path.
    """
    down, up = add_bypass(encoder, shape, features), add_bypass(decoder, code, shape)
    if data is None:
        return
    if not len(getattr(data, "train", None) or ()):
        raise BlueprintError(
            "start='pca' learns principal components from the training part, and none was given. "
            "Build for data that `open_data` made, or say start='mean'."
        )
    weight, encoder_bias, decoder_bias = principal_components(data.train, data.scaling, up.in_features).linear()
    with torch.no_grad():
        down.weight[: up.in_features] = weight
        down.bias[: up.in_features] = encoder_bias
        up.weight.copy_(weight.T)
        up.bias.copy_(decoder_bias)
