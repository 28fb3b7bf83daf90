"""Extreme-learning autoencoders: each layer of the encoder is the transpose of a random network's readout."""

import itertools
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from isthmus.parts.layers import Chain
from isthmus.parts.least_squares import Piece, Solver, readout
from isthmus.parts.model import Model
from isthmus.parts.networks.random_features import Drawn, RandomFeatures


class ExtremeLearning(RandomFeatures):
    r"""Layers solved one after the other without descent: :math:`h_l = \sigma(\beta_l (h_{l-1} - m))`.

    An extreme-learning autoencoder of a layer's input h has random orthogonal weights A and a random bias b of length
    1, and a readout :math:`\beta` by ridge regression: :math:`h \approx \beta^\top \sigma(A h + b)`. Its transpose is
    the layer. `widths` stacks several; the last one makes the code, without σ. Their outputs are scaled to a root mean
    square of 1. A decoder isn't part of the method, so it is that of `RandomFeatures`: a readout of the code and of
    random units, in closed form too.

    widths: the hidden layers between the data and the code.

    Source: Kasun et al., Representational learning with extreme learning machine for big data, IEEE Intelligent Systems
    28 (2013); the ridge is chosen as in `RandomFeatures`, and inputs are centred.
    """

    widths: tuple[Annotated[int, Field(ge=1)], ...] = ()

    @property
    def _hidden_widths(self) -> tuple[int, ...]:
        return self.widths

    def _solve_encoder(self, model: Model, data: Solver) -> tuple[Tensor, Tensor]:
        encoder = model.encoder
        assert isinstance(encoder, Chain)
        names = ["flatten", *(f"dense{number}" for number in range(1, len(self.widths) + 1)), "code"]
        for before, name in itertools.pairwise(names):
            layer = encoder.get_submodule(name)
            product = layer[0] if isinstance(layer, nn.Sequential) else layer
            assert isinstance(product, nn.Linear)
            self._solve_layer(product, lambda x, last=before: _up_to(encoder, x, last), data)
        return data.spread(lambda x: encoder(x).flatten(1))

    def _solve_layer(self, product: nn.Linear, below: Piece, data: Solver) -> None:
        """Set a layer to the transpose of the readout of random units of its input."""
        drawn = Drawn(product.in_features, product.out_features, self.unit, orthogonal=True)
        drawn.draw(self.gain, data.generator)
        mean, variance = data.spread(below)
        drawn.centre(mean, variance)
        drawn = drawn.to(product.weight.device)
        moments = data.moments(lambda x: drawn(below(x))[:, product.in_features :], below)
        weight = readout(moments, self.ridge).weight.T
        values = data.spread(lambda x: nn.functional.linear(below(x), weight.to(below(x))))[1]
        weight = weight / values.mean().clamp(min=1e-30).sqrt()
        product.weight.copy_(weight)
        product.bias.copy_(-weight @ mean.to(weight))


def _up_to(encoder: Chain, x: Tensor, last: str) -> Tensor:
    """(n, *shape) samples to the (n, width) output of one of the encoder's layers."""
    for name, layer in encoder.named_children():
        x = layer(x)
        if name == last:
            break
    return x
