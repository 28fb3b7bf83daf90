"""A bypass: a linear path parallel to a network's layers, whose output is 0 at first."""

import math

import torch
from torch import nn

from isthmus.errors import BlueprintError
from isthmus.parts.layers import Chain
from isthmus.parts.part import Shape


def add_bypass(chain: Chain, given: Shape, made: Shape) -> None:
    r"""Add a linear layer parallel to the layers, :math:`Wx + b + f(x)`, from (N, *given) to (N, *made).

    The last linear layer of f is set to 0, so f(x) = 0 at first; training changes it.

    Raises:
        BlueprintError: the layers don't end in a linear layer or convolution with its own weights.
    """
    _silence(chain)
    # on "meta" PyTorch draws no weights from the global random state; its `to_empty` would load SymPy
    product = nn.Linear(math.prod(given), math.prod(made), device="meta")
    for name, value in list(product.named_parameters()):
        setattr(product, name, nn.Parameter(torch.zeros(value.shape)))
    chain.bypass = nn.Sequential(nn.Flatten(), product, nn.Unflatten(1, made))


def bypass_of(chain: Chain) -> nn.Linear:
    """The linear layer of a chain's bypass."""
    assert chain.bypass is not None
    return next(layer for layer in chain.bypass.modules() if isinstance(layer, nn.Linear))


def _silence(chain: Chain) -> None:
    own = [layer for layer in chain.children() if any(True for _ in layer.parameters())]
    weight = getattr(own[-1], "weight", None) if own else None
    if not isinstance(weight, nn.Parameter):
        name = type(own[-1]).__name__ if own else "nothing"
        raise BlueprintError(
            f"start='pca' needs layers that end in a linear layer with its own weights, but these end in {name}. "
            "Set start='mean', or tied=False if the weights are tied."
        )
    for value in own[-1].parameters():
        nn.init.zeros_(value)
