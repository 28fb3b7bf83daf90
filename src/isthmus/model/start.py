"""The start of training: at the data's mean, or at PCA through a linear path parallel to the network."""

from typing import Any, cast

import torch
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts import CodeKind, Distance, GaussianCode, Network, Plain, Shape
from isthmus.parts.bypass import bypass_of
from isthmus.parts.layers import Chain
from isthmus.parts.model import encoder_input
from isthmus.pca import principal_components


def check_linear(code: CodeKind, code_shape: Shape, distance: Distance, shape: Shape, given: Shape) -> None:
    """Raise BlueprintError if a linear path can't lead from the data to the code and back.

    given: the shape of the encoder's input.
    """
    if len(code_shape) != 1:
        raise BlueprintError(
            f"start='pca' needs a flat code, but this code has shape {code_shape}. Set a size, for example code=32."
        )
    linear = isinstance(code, GaussianCode) or (isinstance(code, Plain) and code.activation == "identity")
    if not linear:
        raise BlueprintError(
            f"start='pca' needs a code equal to the encoder's output, but {code} changes it. "
            "Use code='plain' without an activation, code='gaussian', or start='mean'."
        )
    if not distance.outputs_picture(shape):
        raise BlueprintError(
            f"start='pca' needs a decoder whose output is the sample itself, but {distance} transforms the output. "
            "Use distance='mse' with link='identity', or start='mean'."
        )
    if given != shape:
        raise BlueprintError(
            f"start='pca' needs an encoder whose input has the samples' shape {shape}, but its input has {given}. "
            "Use another corruption, no condition and no missing numbers, or start='mean'."
        )


def start(model: Autoencoder, how: str, network: Network, data: Any, sample: Tensor | None) -> None:
    """Set the first output of a new model: PCA, the data's mean, or a residual of 0.

    how: "pca" or "mean". data: with `train` and `scaling`. sample: (n, *shape) scaled samples of it (see `sample_of`);
        None if there are none, and then only PCA and a residual are set.

    Raises:
        BlueprintError: how="pca", and there is no training part to learn from.
    """
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
    r"""Set the linear paths parallel to the layers: :math:`z = W(x - m) + f(x)`, :math:`x' = W^\top z + m + g(z)`.

    f and g are 0 at first. W and m are the principal components and the mean of the training part. So the model starts
    as PCA, and training changes the linear paths' weights like all others. For a Gaussian code, z is the mean and σ is
    1.

    Raises:
        BlueprintError: there is no training part to learn from.
    """
    down, up = bypass_of(cast(Chain, model.encoder)), bypass_of(cast(Chain, model.decoder))
    if not len(getattr(data, "train", None) or ()):
        raise BlueprintError(
            "start='pca' learns principal components from a training part, and none was given. "
            "Build the model for data from `open_data`, or set start='mean'."
        )
    weight, encoder_bias, decoder_bias = principal_components(data.train, data.scaling, up.in_features).linear()
    with torch.no_grad():
        down.weight[: up.in_features] = weight
        down.bias[: up.in_features] = encoder_bias
        up.weight.copy_(weight.T)
        up.bias.copy_(decoder_bias)
