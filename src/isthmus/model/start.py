"""The start at PCA: a linear path beside the network, which begins as the best that a linear autoencoder can do."""

import math
from typing import Any, cast

import torch

from isthmus.errors import BlueprintError
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.data_spec import sample_of
from isthmus.parts import CodeKind, Distance, GaussianCode, Network, Plain, Shape
from isthmus.parts.bypass import bypass_of
from isthmus.parts.layers import Chain
from isthmus.parts.model import encoder_input
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


def start(model: Autoencoder, how: str, network: Network, data: Any) -> None:
    """Let a new model begin well: as PCA, at the data's mean, or, where it predicts a residual, by doing nothing.

    how: "pca" or "mean". data: with `train` and `scaling`; nothing is done where there are no samples.

    Raises:
        BlueprintError: PCA is asked for, and there is no training part to learn from.
    """
    sample = sample_of(data)
    if how == "pca":
        start_at_pca(model, data)
    elif not model.predicts.decodes:
        network.start_at(torch.zeros(1, *model.shape), cast(Chain, model.decoder), model.distance)
    elif sample is not None:
        network.start_at(sample, cast(Chain, model.decoder), model.distance)
    if sample is not None and model.prior_module is not None:
        given = encoder_input(model, sample.nan_to_num(), None, None)
        model.code.prior.start_at(given, model.prior_module)


def start_at_pca(model: Autoencoder, data: Any) -> None:
    r"""Set the linear paths next to the layers: :math:`z = W(x - m) + f(x)` and :math:`x' = W^\top z + m + g(z)`.

    f and g are 0 at first, W and m the principal components and the mean of the training part: the model begins as PCA,
    with the weights of the linear paths free like all others. Of a Gaussian code z is the mean, and σ is 1.

    Raises:
        BlueprintError: there is no training part to learn from.
    """
    down, up = bypass_of(cast(Chain, model.encoder)), bypass_of(cast(Chain, model.decoder))
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
