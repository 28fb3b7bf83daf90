"""Random features: a hidden layer that is drawn and stays as it is, and a readout in closed form."""

import math
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.parts.data_spec import DataSpec
from isthmus.parts.layers import ACTIVATIONS, Activation, Chain, initialise
from isthmus.parts.least_squares import Solver, readout
from isthmus.parts.model import Model
from isthmus.parts.networks.network import Network
from isthmus.parts.part import Shape

ROWS_A_FEATURE = 8
"""The least number of training samples for each of "auto" features."""
LEAST = 32


class RandomFeatures(Network):
    r"""PCA with a nonlinear decoder, in closed form: :math:`z = W(x - m)`, :math:`\hat x = Az + B\sigma(Rz + r) + c`.

    W are the principal components, R and r are drawn at random and never trained. A, B and c minimise the squared error
    plus a ridge on B, which is a linear system. With B = 0 this is PCA, so the error on the training part is never
    above PCA's. All sums over the samples are made piece by piece in float64 (`isthmus.parts.least_squares`).

    features: the number of random units. "auto" is decided from the data: one for every 8 training samples, at least
        32, at most `most_features`.
    unit: σ; "cos" makes random Fourier features, whose products approximate a Gaussian kernel.
    gain: the standard deviation of a unit's input for a code of usual length; larger ones bend more.
    ridge: as a share of the random units' largest sum of squares along any direction; "auto" is chosen by generalised
        cross-validation.

    Source: Rahimi & Recht, Random features for large-scale kernel machines, NeurIPS (2007); Rahimi & Recht, Weighted
    sums of random kitchen sinks, NeurIPS (2008).
    """

    flat: ClassVar[bool] = True

    features: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    most_features: Annotated[int, Field(ge=1)] = 1000
    unit: Activation | Literal["cos"] = "tanh"
    gain: Annotated[float, Field(gt=0)] = 1.2
    ridge: Annotated[float, Field(ge=0)] | Literal["auto"] = "auto"

    def resolve(self, spec: DataSpec) -> Self:
        """The same network with the number of its features decided from these facts about the data."""
        if self.features != "auto":
            return self
        return self.replace(features=min(self.most_features, max(LEAST, (spec.rows or 10**9) // ROWS_A_FEATURE)))

    def encoder(self, shape: Shape, features: Shape, generator: torch.Generator) -> Chain:
        """(N, *shape) to (N, *features): flatten, code."""
        layers: dict[str, nn.Module] = {"flatten": nn.Flatten()}
        before = math.prod(shape)
        for number, width in enumerate(self._hidden_widths, start=1):
            layers[f"dense{number}"] = nn.Sequential(
                initialise(nn.Linear(before, width), "identity", generator), unit_of(self.unit)
            )
            before = width
        layers["code"] = initialise(nn.Linear(before, math.prod(features)), "identity", generator)
        if len(features) != 1:
            layers["unflatten"] = nn.Unflatten(1, features)
        return Chain(layers)

    def decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> Chain:
        """(N, *code) to (N, *shape): random, output."""
        layers: dict[str, nn.Module] = {"flatten": nn.Flatten()} if len(code) != 1 else {}
        size = math.prod(code)
        count = self.most_features if self.features == "auto" else self.features
        layers["random"] = drawn = Drawn(size, count, self.unit)
        drawn.draw(self.gain, generator)
        layers["output"] = initialise(nn.Linear(size + count, math.prod(shape)), "identity", generator)
        if len(shape) != 1:
            layers["unflatten"] = nn.Unflatten(1, shape)
        return Chain(layers)

    def solve(self, model: Model, data: Solver) -> None:
        """Set all weights: the encoder's, then the readout of code and random units that makes the samples."""
        drawn, output = (model.decoder.get_submodule(name) for name in ("random", "output"))
        assert isinstance(drawn, Drawn)
        assert isinstance(output, nn.Linear)
        mean, variance = self._solve_encoder(model, data)
        drawn.draw(self.gain, data.generator)
        drawn.centre(mean, variance)
        moments = data.moments(lambda x: drawn(model.encoder(x).flatten(1)), lambda x: x.flatten(1))
        found = readout(moments, self.ridge, free=drawn.size)
        output.weight.copy_(found.weight)
        output.bias.copy_(found.bias)

    @property
    def _hidden_widths(self) -> tuple[int, ...]:
        """The widths of the encoder's layers between the sample and the code."""
        return ()

    def _solve_encoder(self, model: Model, data: Solver) -> tuple[Tensor, Tensor]:
        """Set the encoder's weights. Returns the (D,) means and variances of the code."""
        product = model.encoder.get_submodule("code")
        assert isinstance(product, nn.Linear)
        weight, bias, _, variance = data.principal(product.out_features)
        product.weight.copy_(weight)
        product.bias.copy_(bias)
        return torch.zeros_like(variance), variance


class Drawn(nn.Module):
    """Random units beside their input: (N, K) to (N, K + count), centred and scaled by one factor for all K.

    Its weights are buffers, which no optimiser moves.
    """

    weight: Tensor
    bias: Tensor
    shift: Tensor
    scale: Tensor

    def __init__(self, size: int, count: int, unit: str, *, orthogonal: bool = False) -> None:
        super().__init__()
        self.size, self.unit, self.orthogonal = size, unit, orthogonal
        self.activation = unit_of(unit)
        self.register_buffer("weight", torch.zeros(count, size))
        self.register_buffer("bias", torch.zeros(count))
        self.register_buffer("shift", torch.zeros(size))
        self.register_buffer("scale", torch.ones(()))

    @torch.no_grad()
    def draw(self, gain: float, generator: torch.Generator) -> None:
        """Draw the weights and biases. gain: the deviation of a unit's input where the input has length 1."""
        weight = torch.randn(self.weight.shape, generator=generator, dtype=torch.float64)
        bias = torch.randn(self.bias.shape, generator=generator, dtype=torch.float64)
        if self.orthogonal:  # orthonormal rows, or columns if there are more rows; a bias of length 1
            tall = weight.T if weight.shape[0] < weight.shape[1] else weight
            orthonormal = torch.linalg.qr(tall)[0]
            weight = orthonormal.T if tall is not weight else orthonormal
            # a mean square of 1, as that of the normal numbers
            weight, bias = weight * math.sqrt(weight.numel() / weight.square().sum()), bias / bias.norm()
        elif self.unit == "cos":
            bias = torch.rand(self.bias.shape, generator=generator, dtype=torch.float64) * 2 * math.pi
        self.weight.copy_(gain * weight)
        self.bias.copy_(bias)

    @torch.no_grad()
    def centre(self, mean: Tensor, variance: Tensor) -> None:
        """Take inputs with these (K,) means and variances: their usual length becomes 1."""
        length = variance.sum().clamp(min=0).sqrt()
        self.shift.copy_(mean)
        self.scale.copy_(torch.where(length > 0, length, torch.ones_like(length)))

    def forward(self, z: Tensor) -> Tensor:
        """(N, K) to (N, K + count)."""
        away = (z - self.shift) / self.scale
        return torch.cat([away, self.activation(nn.functional.linear(away, self.weight, self.bias))], 1)

    def extra_repr(self) -> str:
        """The text that `print` shows."""
        return f"in_features={self.size}, units={len(self.bias)}"


def unit_of(name: str) -> nn.Module:
    """The unit of this name: an activation, or the cosine."""
    return Cosine() if name == "cos" else ACTIVATIONS[name]()


class Cosine(nn.Module):
    """The cosine, the unit of random Fourier features."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape."""
        return x.cos()
