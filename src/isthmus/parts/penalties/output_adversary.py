"""The adversary on the output: a rival network learns to distinguish data from the decoder's output."""

import itertools
import math
from collections.abc import Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.forward_pass import Pass
from isthmus.parts.layers import frozen, initialise
from isthmus.parts.model import Model, picture_of
from isthmus.parts.part import Shape
from isthmus.parts.penalties.adversary import found_out, squared_slope, taken_for_real
from isthmus.parts.penalties.mmd import of_prior
from isthmus.parts.penalties.penalty import Penalty

STEP = 0.05
"""How far along random signs the rival's slope is taken, in scaled units."""


class OutputAdversary(Penalty):
    r"""The distance in a rival's features, plus how sure the rival is that the decoder's outputs aren't samples.

    :math:`\frac12 \lVert f(x) - f(\hat x) \rVert^2 + \lambda\,(-\log D(g(z)) - \log D(g(p)))`: f are the features of
    the rival's last hidden layer, normalised for each sample; D is its output; g is the decoder; z is the sample's code
    and p a draw of the prior. A distance between pixels is smallest for the mean of all plausible samples, so it blurs.
    Features respond to strokes even if they are slightly shifted, and the rival detects blur.

    The rival learns by :math:`-\log D(x) - \frac12 (\log(1 - D(\hat x)) + \log(1 - D(g(p))))`. It is penalised for its
    slope at the samples, :math:`\frac{\gamma}{2} \lVert \partial D / \partial x \rVert^2` on logits, so that training
    converges. The slope is estimated by a step along random signs v, :math:`((D(x + hv) - D(x)) / h)^2`, at a third of
    the cost of the exact derivative.

    As in the paper, the distance in features trains encoder and decoder, and the rival's output trains the decoder
    alone (codes that deceive the rival need not describe the sample). Two things differ. In the paper, the distance in
    features replaces the one in pixels; here it is added to the blueprint's distance. That distance can be weak (for
    example a Gaussian of scale 1); it guides training while the rival is untrained. And the rival has normalised layers
    and the slope penalty instead of batch normalisation, so it treats samples separately.

    channels: of the rival's convolutions, each of which halves the picture. widths: of its linear layers, for data that
    aren't pictures (C, H, W). realism: λ. rate: its learning rate, as a multiple of the model's. smoothness: γ.

    Source: Larsen et al., Autoencoding beyond pixels using a learned similarity metric, ICML (2016); Mescheder et al.,
    Which training methods for GANs do actually converge?, ICML (2018), for the slope; Lin et al., Diffusion adversarial
    post-training, ICML (2025), for its estimate.
    """

    channels: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)] = (8, 16, 32)
    widths: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)] = (256, 256)
    realism: Annotated[float, Field(ge=0)] = 1.0
    rate: Annotated[float, Field(gt=0)] = 1.0
    smoothness: Annotated[float, Field(ge=0)] = 1.0

    @property
    def own_rate(self) -> float:
        """The rival's learning rate, as a multiple of the model's."""
        return self.rate

    def check(self, model: Model) -> None:
        """Raise BlueprintError if numbers may be missing: the rival needs complete samples."""
        if model.conditioning.mask:
            raise BlueprintError(
                f"{self.kind} needs complete samples, but missing='mask' allows missing numbers. "
                "Fill them when reading the data (missing='fill'), or leave the adversary out."
            )

    def module(self, shape: Shape, code: Shape, generator: torch.Generator) -> nn.Module:
        """The rival: (N, *shape) to (N,) logits that an input is a sample, and (N, F) features."""
        if len(shape) == 3:
            return Discriminator(_convolutions(shape, self.channels, generator), shape, generator)
        return Discriminator(_products(math.prod(shape), self.widths, generator), shape, generator)

    def draw(self, count: int, model: Model, generator: torch.Generator) -> dict[str, Any]:
        """The random numbers for N draws of the prior, and (N, *shape) random signs to estimate the slope."""
        prior = model.code.prior.draw(count, model.code_shape, generator)
        shape = (count, *model.shape)
        signs = torch.randint(0, 2, shape, generator=generator, dtype=torch.int8, device=generator.device)
        return {"prior": prior, "signs": signs * 2 - 1}

    def __call__(self, out: Pass, model: Model, draws: Mapping[str, Any] | None = None) -> Tensor:
        """(N,), (K·N,) for K draws of the code."""
        discriminator, kind = frozen(model.module_of(self)), out.clean.dtype
        wanted, found = discriminator(out.clean)[1].to(kind), discriminator(out.reconstruction)[1].to(kind)
        likeness = 0.5 * (found - out.repeated(wanted)).square().sum(1)
        if not self.realism:
            return likeness
        again, drawn = (
            taken_for_real(discriminator(picture_of(model, z, out.batch.labels))[0].to(kind))
            for z in (out.code.z.detach(), _prior(out, model, draws))
        )
        return likeness + self.realism * (again + out.repeated(drawn))

    def rival(self, out: Pass, model: Model, draws: Mapping[str, Any] | None = None) -> Tensor:
        """(N,) the rival's loss; without `draws`, with fixed draws of the prior and the exact slope."""
        discriminator, kind = model.module_of(self), out.clean.dtype

        def logits(x: Tensor) -> Tensor:
            return discriminator(x)[0].to(kind)

        real, drawn = logits(out.clean), logits(picture_of(model, _prior(out, model, draws), out.batch.labels).detach())
        again = found_out(logits(out.reconstruction)).view(-1, len(drawn)).mean(0)
        if draws is None:
            slope = squared_slope(logits, out.clean)
        else:
            slope = ((logits(out.clean + STEP * draws["signs"]) - real) / STEP).square()
        return taken_for_real(real) + 0.5 * (again + found_out(drawn)) + 0.5 * self.smoothness * slope


class Discriminator(nn.Module):
    """Layers that compute a sample's features, and a last linear layer: logits and features."""

    def __init__(self, layers: list[nn.Module], shape: Shape, generator: torch.Generator) -> None:
        super().__init__()
        self.features = nn.Sequential(*layers, nn.Flatten())
        with torch.no_grad():
            count = self.features(torch.zeros(1, *shape)).shape[1]
        self.judgement = nn.Linear(count, 1)
        initialise(self.judgement, "identity", generator)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, *shape) to (N,) and (N, F)."""
        features = self.features(x)
        return self.judgement(features)[:, 0], features


def _prior(out: Pass, model: Model, draws: Mapping[str, Any] | None) -> Tensor:
    return of_prior(len(out.clean), model, draws["prior"] if draws else None)


def _convolutions(shape: Shape, channels: tuple[int, ...], generator: torch.Generator) -> list[nn.Module]:
    """Stages that halve the picture: a convolution of stride 2, layer normalisation and a leaky rectifier."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise((shape[0], *channels)):
        product = nn.Conv2d(before, after, 3, stride=2, padding=1)
        initialise(product, "leaky-relu", generator)
        product.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] PyTorch's stub lacks it
        layers += [product, nn.GroupNorm(1, after), nn.LeakyReLU(0.2)]
    return layers


def _products(size: int, widths: tuple[int, ...], generator: torch.Generator) -> list[nn.Module]:
    """The same with linear layers, for samples of any shape."""
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in itertools.pairwise((size, *widths)):
        layers += [nn.Linear(before, after), nn.LayerNorm(after), nn.LeakyReLU(0.2)]
        initialise(layers[-3], "leaky-relu", generator)
    return layers
