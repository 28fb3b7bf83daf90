"""The one-class code: it is pulled to a centre, and a sample's distance from there is its anomaly score."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.parts.codes.code import CodeKind
from isthmus.parts.forward_pass import Code
from isthmus.parts.part import Shape
from isthmus.parts.shared_batch import whole

AWAY = 0.1
"""The least distance of the centre from 0 along each dimension, as a share of the codes' usual one."""
LEAST = 1e-12
DECAY, STEP = 0.99, 0.1
"""Of the running mean of the codes, and of the radius."""


class OneClass(CodeKind):
    r"""A plain code that is drawn to its centre c: :math:`\lVert z - c \rVert^2 / s`.

    c and s are the mean of the codes and their mean squared distance from it: of the first batch, which a network with
    random weights encodes, or at the end of a pretraining as an ordinary autoencoder, in which they follow the codes.
    Then both stay, and the loss is the squared distance in units of s, which starts near 1, plus the reconstruction
    with a smaller weight. The encoder maps the usual samples closer and closer to c; what it wasn't trained on doesn't
    follow.

    An encoder could map everything to c, so that the distance says nothing. Three things prevent it: an encoder without
    biases (`Dense(encoder_bias=False)`) can't make a constant, c is kept away from 0, which it could make, and the
    reconstruction needs different codes for different samples.

    pretraining: epochs; 0 begins with the distance at once.
    reconstruction: the weight of the reconstruction afterwards; 0 is Deep SVDD, others keep the codes informative.
    outside: None penalises every distance; a share ν only those beyond a radius that about this share of the samples
        exceeds (the soft boundary).

    Source: Ruff et al., Deep one-class classification, ICML (2018); for the reconstruction, Zhang & Deng, Anomaly
    detection using improved deep SVDD model with data structure preservation, Pattern Recognition Letters 148 (2021).
    """

    pretraining: Annotated[float, Field(ge=0)] = 0.0
    reconstruction: Annotated[float, Field(ge=0)] = 0.1
    outside: Annotated[float, Field(gt=0, lt=1)] | None = None

    @property
    def scheduled(self) -> bool:
        """It knows when the pretraining ends."""
        return True

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module:
        """The centre, the spread and the radius."""
        return Centre(torch.Size(code).numel())

    def during(
        self, epochs: Tensor | None, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None
    ) -> Code:
        """The Code after (N,) epochs of training. In training mode, centre and radius learn."""
        if not isinstance(module, Centre):
            return Code(z=features)
        flat = features.flatten(1)
        before = flat.new_zeros(flat.shape[0]) if epochs is None else (epochs < self.pretraining).to(flat)
        if module.training and epochs is not None:
            everyone = whole(flat.detach())
            module.learn(everyone, before[0])
            module.learn_radius(everyone, 1 - before[0], self.outside)
        away = module.squares(flat)
        if self.outside is not None:
            away = module.radius + (away - module.radius).relu() / self.outside
        weight = before + (1 - before) * self.reconstruction
        return Code(z=features, loss=(1 - before) * away, weight=weight)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """The Code of (N, *code) features."""
        return self.during(None, features, draws, module)


class Centre(nn.Module):
    """mean: (D,) of the codes. spread: () their mean squared distance from it. radius: () squared, in units of spread.

    batches: () from how many.
    """

    mean: Tensor
    spread: Tensor
    radius: Tensor
    batches: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("spread", torch.zeros(()))
        self.register_buffer("radius", torch.zeros(()))
        self.register_buffer("batches", torch.zeros(()))

    @property
    def centre(self) -> Tensor:
        """(D,) the mean, kept away from 0."""
        least = AWAY * (self.spread / len(self.mean)).sqrt()
        return torch.where(self.mean < 0, -1.0, 1.0) * self.mean.abs().clamp(min=least)

    def squares(self, z: Tensor) -> Tensor:
        """(N, D) codes to (N,) squared distances from the centre, in units of the spread."""
        return (z - self.centre.to(z.dtype)).square().sum(1) / self.spread.to(z.dtype).clamp(min=LEAST)

    @torch.no_grad()
    def learn(self, z: Tensor, follow: Tensor) -> None:
        """Follow the (N, D) codes of a batch: with () follow of 1 by a running mean, with 0 not at all."""
        first = self.batches == 0  # without a pretraining, the first batch decides
        follow = torch.where(first, torch.ones_like(self.batches), follow.to(self.batches))
        share = follow * (1 / (self.batches + 1)).clamp(min=1 - DECAY)
        self.mean.add_(share * (z.mean(0).to(self.mean) - self.mean))
        apart = (z.to(self.mean) - self.mean).square().sum(1).mean()
        self.spread.add_(share * (apart - self.spread))
        self.batches.add_(follow)

    @torch.no_grad()
    def learn_radius(self, z: Tensor, follow: Tensor, outside: float | None) -> None:
        """Move the radius towards that which a share `outside` of the (N, D) codes exceeds."""
        if outside is None:
            return
        found = torch.quantile(self.squares(z.to(self.mean)), 1 - outside)
        fresh = torch.where(self.radius > 0, STEP, 1.0) * follow.to(found)
        self.radius.add_(fresh * (found - self.radius))
