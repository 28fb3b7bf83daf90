"""Fully connected networks."""

import math
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import nn

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.layers import ACTIVATIONS, Activation, Chain, Dropout, TiedLinear, initialise
from isthmus.parts.least_squares import Solver
from isthmus.parts.model import Model
from isthmus.parts.networks.network import Network, Normalisation
from isthmus.parts.part import Shape


class Dense(Network):
    r"""Fully connected layers of any widths, and their mirror: :math:`h_{l+1} = \sigma(W_l h_l + b_l)`.

    `Dense(widths=(128, 64))` around a code of 32 is 784-128-64-32-64-128-784. Without widths, the encoder and the
    decoder have one layer each.

    widths: the hidden layers between the data and the code, from the data inwards. "auto" is decided from the data:
        `most_widths`, reduced for small samples (see `DataSpec.widths`).
    most_widths: the upper limits of "auto", which samples of a few hundred numbers reach.
    activation: after each hidden layer; the code and the output have their own. "gated" layers have twice the weights,
        and multiply one half of their outputs by the sigmoid of the other (Dauphin et al., 2017).
    normalisation: "batch" or "layer", between the linear layer and the activation.
    dropout: the share of each hidden layer's activations that is dropped in training.
    tied: whether each layer of the decoder is the transpose of the encoder's (shared weights, half as many).
    encoder_bias: whether the encoder's layers have biases; without, it can't make a constant code (`OneClass`).
    """

    flat: ClassVar[bool] = True
    later: ClassVar[tuple[str, ...]] = ("encoder_bias",)

    widths: tuple[Annotated[int, Field(ge=1)], ...] | Literal["auto"] = ()
    most_widths: tuple[Annotated[int, Field(ge=1)], ...] = ()
    activation: Activation | Literal["gated"] = "relu"
    normalisation: Normalisation = None
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    tied: bool = False
    encoder_bias: bool = True

    def resolve(self, spec: DataSpec) -> Self:
        """The same network with its widths decided from these facts about the data."""
        if self.widths != "auto":
            return self
        return self.replace(widths=spec.widths(self.most_widths))

    @property
    def hidden(self) -> tuple[int, ...]:
        """The widths; `most_widths` if they aren't decided yet."""
        return self.most_widths if self.widths == "auto" else self.widths

    def encoder(self, shape: Shape, features: Shape, generator: torch.Generator) -> Chain:
        """(N, *shape) to (N, *features): flatten, dense1 …, code."""
        layers = {"flatten": nn.Flatten()}
        chain = Chain(layers | self._products(shape, self.hidden, "code", features, generator))
        for layer in chain.modules() if not self.encoder_bias else ():
            if isinstance(layer, nn.Linear):
                layer.register_parameter("bias", None)
        return chain

    def decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> Chain:
        """(N, *code) to (N, *shape): dense1 … in reverse order, output."""
        layers = {"flatten": nn.Flatten()} if len(code) != 1 else {}
        return Chain(layers | self._products(code, self.hidden[::-1], "output", shape, generator))

    def pair(
        self, seen: Shape, features: Shape, code: Shape, shape: Shape, generator: torch.Generator
    ) -> tuple[Chain, Chain]:
        """Encoder and decoder, with the decoder's weights tied to the encoder's if `tied`."""
        encoder, decoder = super().pair(seen, features, code, shape, generator)
        if self.tied and self.activation == "gated":
            raise BlueprintError("Gated layers can't be tied to their mirror. Set tied=False, or another activation.")
        if self.tied:
            if math.prod(seen) != math.prod(shape) or math.prod(features) != math.prod(code):
                raise BlueprintError(
                    "Tied weights need an encoder and a decoder of mirrored sizes, but with this code, corruption, "
                    f"label or mask the encoder maps {math.prod(seen)} to {math.prod(features)} numbers and the "
                    f"decoder {math.prod(code)} to {math.prod(shape)}. Set tied=False, or use a plain code."
                )
            _tie(encoder, decoder)
        return encoder, decoder

    def solve(self, model: Model, data: Solver) -> None:
        r"""Set the weights of a linear tied autoencoder to the principal components.

        With the components :math:`W` and the mean :math:`m`: :math:`z = Wx - Wm` and :math:`\hat x = W^\top z + m`.

        Raises:
            BlueprintError: it isn't linear and tied, so its best weights have no closed form.

        Source: Baldi & Hornik, Neural networks and principal component analysis (1989).
        """
        if self.widths or not self.tied:
            raise BlueprintError(
                "Only a linear tied dense network has a closed form: one without widths and with tied=True. Use the "
                "recipe 'pca', or 'random-features' for a nonlinear one, or set solution='gradient'."
            )
        product = next(layer for layer in model.encoder.modules() if isinstance(layer, nn.Linear))
        transpose = next(layer for layer in model.decoder.modules() if isinstance(layer, TiedLinear))
        weight, bias, mean, _ = data.principal(product.out_features)
        for own, best in ((product.weight, weight), (product.bias, bias), (transpose.bias, mean)):
            own.copy_(best)

    def _products(
        self, given: Shape, widths: tuple[int, ...], last: str, made: Shape, generator: torch.Generator
    ) -> dict[str, nn.Module]:
        """The hidden layers of these widths and the last linear layer, from flat `given` to `made`, by names."""
        layers: dict[str, nn.Module] = {}
        before = math.prod(given)
        for number, width in enumerate(widths, start=1):
            layers |= self._hidden(number, before, width, generator)
            before = width
        layers[last] = nn.Linear(before, math.prod(made))
        initialise(layers[last], "identity", generator)
        if len(made) != 1:
            layers["unflatten"] = nn.Unflatten(1, made)
        return layers

    def _hidden(self, number: int, before: int, width: int, generator: torch.Generator) -> dict[str, nn.Module]:
        """One hidden layer, by names: the linear layer with its activation, and its dropout."""
        wide = 2 * width if self.activation == "gated" else width
        product = nn.Linear(before, wide, bias=self.normalisation != "batch")  # batch normalisation would remove a bias
        initialise(product, self.activation, generator)
        steps: list[nn.Module] = [product]
        if self.normalisation:
            steps.append(nn.BatchNorm1d(wide) if self.normalisation == "batch" else nn.LayerNorm(wide))
        steps.append(nn.GLU(1) if self.activation == "gated" else ACTIVATIONS[self.activation]())
        layers: dict[str, nn.Module] = {f"dense{number}": nn.Sequential(*steps)}
        if self.dropout:
            layers[f"dropout{number}"] = Dropout(self.dropout, (width,))
        return layers


def _tie(encoder: Chain, decoder: Chain) -> None:
    """Replace the decoder's linear layers by the transposes of the encoder's, last first."""
    partners = [layer for layer in encoder.modules() if isinstance(layer, nn.Linear)]
    places = [name for name, layer in decoder.named_modules() if isinstance(layer, nn.Linear)]
    for place, partner in zip(places, reversed(partners), strict=True):
        decoder.set_submodule(place, TiedLinear(partner))
