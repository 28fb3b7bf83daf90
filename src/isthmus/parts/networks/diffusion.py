"""A diffusion decoder: it makes sharp pictures from small codes by removing noise step by step."""

import math
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.constants import constant
from isthmus.parts.distances import Distance
from isthmus.parts.distances.distance import mean_of, variance_of
from isthmus.parts.forward_pass import repeated
from isthmus.parts.layers import Chain
from isthmus.parts.networks.conv import Conv
from isthmus.parts.networks.generating import Choice, Generating
from isthmus.parts.networks.maps import channels_last, check_map
from isthmus.parts.networks.network import Network
from isthmus.parts.networks.unet import UNet
from isthmus.parts.noising import (
    Denoiser,
    Noising,
    ddim,
    denoised,
    draw_noising,
    features_at,
    features_of,
    inverse_ddim,
    noised,
    shares,
)
from isthmus.parts.part import Shape

WAVES = 16
"""Frequencies that the U-Net gets of the time, a cosine and a sine each."""
ROUNDS = 3
"""Of each step of the inverse; with 1, the reconstruction is coarser, with more it hardly changes."""
LEAST_SPREAD = 1e-3
"""Of constant samples, which have no spread to divide by."""


class Diffusion(Network):
    """Strided convolutions encode; a U-Net that knows the code decodes, by removing noise in small steps (DDIM).

    Any other decoder answers a small code with the mean of all samples that have it, which is blurred. This one makes
    one sharp sample of them: sharper, and with a larger squared error. In training it sees the sample with noise of a
    random strength (see `Diffusing`). It needs a flat code: set its size.

    channels: of each stage, from the data inwards, in the encoder and in the U-Net; the first is at half the size.
    blocks: of each of the U-Net's stages, on either side.
    steps: of generation. More are slower, and more exact. You can change it after training.

    Source: Preechakul et al., Diffusion autoencoders: toward a meaningful and decodable representation, CVPR (2022).
    """

    aligned: ClassVar[bool] = True
    makes_samples: ClassVar[bool] = True

    channels: tuple[Annotated[int, Field(ge=1)], ...] = (32, 64)
    blocks: Annotated[int, Field(ge=1)] = 1
    steps: Annotated[int, Field(ge=1)] = 20

    def check(self, shape: Shape) -> None:
        """Raise BlueprintError unless `shape` is a picture's, (C, H, W), or a series', (C, T)."""
        check_map(self.kind, shape, self.channels)

    def encoder(self, shape: Shape, features: Shape, generator: torch.Generator) -> Chain:
        """(N, C, *sizes) to (N, *features): conv1, conv2 …, code."""
        network = Conv(channels=self.channels, form="strided", activation="silu")
        return network.encoder(shape, features, generator)

    def decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> Chain:
        """(N, *code) to (N, C, *sizes): output."""
        self.check(shape)
        unet = UNet(shape, 2 * WAVES, math.prod(code), self.channels, self.blocks, generator)
        return channels_last({"output": Diffusing(unet, shape, self.steps, generator)})


class Diffusing(Generating):
    r"""The decoder: (N, *code) to samples (N, *shape).

    In training, the sample is mixed with noise at a random time (see `isthmus.parts.noising`), and the network finds
    the velocity :math:`\hat v`. The output is the sample that follows from it, :math:`\hat x = \alpha_t x_t - \sigma_t
    \hat v`, so that distance and target are those of every model. Its squared error is :math:`\sigma_t^2 \lVert \hat v
    - v \rVert^2`; the `weight` :math:`1 / \sigma_t^2` makes it the error of the velocity, which is of the same size at
    all times, unlike that of the noise, from which the sample can't be computed at time 1.

    In use, `steps` deterministic steps lead from noise to the sample. The noise is always the same, unless a `Choice`
    has another one.

    Within it, samples are centred at their mean and divided by their standard deviation. A velocity of 0, at which the
    network starts, is then the best one for samples of white noise.

    Source: Preechakul et al., Diffusion autoencoders, CVPR (2022); Salimans & Ho, Progressive distillation for fast
    sampling of diffusion models, ICLR (2022), for the velocity and its loss.
    """

    rests = False
    start: Tensor
    centre: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, shape: Shape, steps: int, generator: torch.Generator) -> None:
        super().__init__()
        self.network, self.steps, self.shape = network, steps, shape
        self.register_buffer("start", torch.randn(shape, generator=generator))
        self.register_buffer("centre", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(()))

    def draw(self, count: int, generator: torch.Generator) -> Noising:
        """The times and the noise for `count` samples."""
        return draw_noising(count, self.shape, generator)

    def forward(self, z: Tensor, draws: Noising | None = None, target: Tensor | None = None) -> Tensor:
        """(K·N, *code) to (K·N, *shape): the N targets denoised, or samples generated if there are no draws."""
        if draws is None or target is None:
            return self.generate(z)[1]
        again = z.shape[0] // max(1, target.shape[0])
        clean = repeated((target - self.centre) / self.scale, again)
        time, noise = (repeated(drawn.to(clean), again) for drawn in draws)
        seen = noised(clean, noise, time)
        found = self.network(seen, features_of(time, WAVES), z.flatten(1)).to(seen.dtype)
        return denoised(seen, found, time) * self.scale + self.centre

    def generate(self, z: Tensor, choice: Choice | None = None) -> tuple[Tensor, Tensor]:
        """(N, *code) to samples (N, *shape), scaled, twice: they are the output."""
        if choice is None:
            start = self.start.expand(z.shape[0], *self.shape)
        else:
            start = choice.temperature * choice.noise.to(self.start)
        made = ddim(self._denoiser(z), start, self.steps) * self.scale + self.centre
        return made, made

    def invert(self, z: Tensor, target: Tensor) -> Tensor:
        """The noise (N, *shape) from which it generates the target (N, *shape) for (N, *code)."""
        return inverse_ddim(self._denoiser(z), (target - self.centre) / self.scale, self.steps, ROUNDS)

    def noise(self, count: int, shape: Shape, generator: torch.Generator) -> Tensor:
        """(N, *shape) standard normal numbers."""
        return torch.randn(count, *shape, generator=generator)

    def weight(self, draws: Noising | None) -> Tensor | None:
        """(N,) the inverse squared share of the noise, in the units of the samples; None if nothing is drawn."""
        if draws is None:
            return None
        _, of_noise = shares(draws.time.to(self.scale), self.scale.expand(1))
        return (of_noise * self.scale) ** -2

    def start_at(self, sample: Tensor, distance: Distance) -> None:
        """Take the mean of each number of (n, *shape) samples, and their standard deviation around it."""
        self.centre.copy_(mean_of(sample))
        self.scale.copy_(variance_of(sample).mean().sqrt())
        if float(self.scale) < LEAST_SPREAD:
            self.scale.fill_(1)

    def check(self, model: Any) -> None:
        """Raise BlueprintError if the decoder's output isn't the sample itself."""
        if model.predicts.kind != "sample":
            raise BlueprintError(
                "A diffusion network makes the whole sample, so its output can't be a residual. Use predicts='sample'."
            )
        if not model.distance.outputs_picture(model.shape):
            raise BlueprintError(
                f"A diffusion network makes the sample itself, but {model.distance} transforms the output. "
                "Use distance='mse' with link='identity'."
            )

    def extra_repr(self) -> str:
        """The text that `print` shows."""
        return f"steps={self.steps}"

    def _denoiser(self, z: Tensor) -> Denoiser:
        flat = z.flatten(1)

        def denoise(x: Tensor, time: float) -> Tensor:
            features = constant(features_at(time, WAVES), x).expand(x.shape[0], -1)
            return self.network(x, features, flat).to(x.dtype)

        return denoise
