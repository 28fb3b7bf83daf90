"""A bypass: a linear path beside the layers of a network, which say nothing at first."""

import math

from torch import nn

from isthmus.errors import BlueprintError
from isthmus.parts.layers import Chain
from isthmus.parts.part import Shape


def add_bypass(chain: Chain, given: Shape, made: Shape) -> None:
    r"""Put a product beside the layers, :math:`Wx + b + f(x)`, from (N, *given) to (N, *made).

    The last product of the layers f is set to 0, so that f(x) = 0; the gradient wakes it up.

    Raises:
        BlueprintError: the layers don't end in a product with weights of its own.
    """
    _silence(chain)
    # on "meta" nothing is drawn, which would come from the global state
    product = nn.Linear(math.prod(given), math.prod(made), device="meta").to_empty(device="cpu")
    nn.init.zeros_(product.weight)
    nn.init.zeros_(product.bias)
    chain.bypass = nn.Sequential(nn.Flatten(), product, nn.Unflatten(1, made))


def bypass_of(chain: Chain) -> nn.Linear:
    """The product of a chain's bypass."""
    assert chain.bypass is not None
    return next(layer for layer in chain.bypass.modules() if isinstance(layer, nn.Linear))


def _silence(chain: Chain) -> None:
    own = [layer for layer in chain.children() if any(True for _ in layer.parameters())]
    weight = getattr(own[-1], "weight", None) if own else None
    if not isinstance(weight, nn.Parameter):
        name = type(own[-1]).__name__ if own else "nothing"
        raise BlueprintError(
            f"A linear path can stand only beside layers that end in a product with weights of its own, but these end "
            f"in {name}. Say start='mean', and tied=False where weights are tied."
        )
    for value in own[-1].parameters():
        nn.init.zeros_(value)
