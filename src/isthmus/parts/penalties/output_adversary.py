"""The adversary on the output: a network that tells data from what the decoder makes, and lends it its eyes."""

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
    r"""The distance in a rival's features, plus how sure the rival is that what the decoder makes is no sample.

    :math:`\frac12 \lVert f(x) - f(\hat x) \rVert^2 + \lambda\,(-\log D(g(z)) - \log D(g(p)))`: f are the features of
    the rival's last hidden layer, normalised for each sample; D is its judgement; g the decoder; z the sample's code
    and p a draw of the prior. A distance between pixels is least for the mean of all that a sample
    may have looked like, so it blurs; features answer to strokes, wherever exactly they are, and the rival finds blur.

    The rival learns by :math:`-\log D(x) - \frac12 (\log(1 - D(\hat x)) + \log(1 - D(g(p))))`, and pays for its slope
    at the samples, :math:`\frac{\gamma}{2} \lVert \partial D / \partial x \rVert^2` on logits, so that the two come to
    rest. The slope is estimated by a step along random signs v, :math:`((D(x + hv) - D(x)) / h)^2`, which costs a third
    of its derivative.

    What goes where is the paper's: the distance in features teaches encoder and decoder, the judgement the decoder
    alone (codes that please the rival needn't tell anything of the sample). Two things aren't. There, the distance in
    features takes the place of the one in pixels; here it stands beside the blueprint's, which may be weak (a Gaussian
    of scale 1, say), and keeps the features honest while the rival is young. And the rival has normalised layers and
    the slope's price in place of batch normalisation, so that it judges each sample by itself.

    channels: of the rival's convolutions, each of which halves the picture. widths: of its products, for data that are
    no pictures (C, H, W). realism: λ. rate: its learning rate, as a multiple of the model's. smoothness: γ.

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
        """The rival's."""
        return self.rate

    def check(self, model: Model) -> None:
        """Raise BlueprintError where samples may have holes, for the rival judges them whole."""
        if model.conditioning.mask:
            raise BlueprintError(
                f"{self.kind} judges whole samples, but missing='mask' lets numbers be missing. "
                "Fill them first (missing='mean', say), or leave the adversary out."
            )

    def module(self, shape: Shape, code: Shape, generator: torch.Generator) -> nn.Module:
        """The rival: (N, *shape) to (N,) logits of being a sample, and (N, F) features."""
        if len(shape) == 3:
            return Discriminator(_convolutions(shape, self.channels, generator), shape, generator)
        return Discriminator(_products(math.prod(shape), self.widths, generator), shape, generator)

    def draw(self, count: int, model: Model, generator: torch.Generator) -> dict[str, Any]:
        """The random numbers of N draws of the prior; (N, *shape) random signs, along which the slope is estimated."""
        prior = model.code.prior.draw(count, model.code_shape, generator)
        signs = torch.randint(0, 2, (count, *model.shape), generator=generator, dtype=torch.int8) * 2 - 1
        return {"prior": prior, "signs": signs}

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
        """(N,) the rival's loss; without draws, of a prior's draws that are always the same, and its exact slope."""
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
    """Layers that make features of a sample, and a last product that judges them: logits and features."""

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
    """Stages that halve the picture: a convolution of stride 2, normalised over the sample, with a leaky rectifier."""
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise((shape[0], *channels)):
        product = nn.Conv2d(before, after, 3, stride=2, padding=1)
        initialise(product, "leaky-relu", generator)
        product.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] PyTorch's stub lacks it
        layers += [product, nn.GroupNorm(1, after), nn.LeakyReLU(0.2)]
    return layers


def _products(size: int, widths: tuple[int, ...], generator: torch.Generator) -> list[nn.Module]:
    """The same of products, for samples of any shape."""
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in itertools.pairwise((size, *widths)):
        layers += [nn.Linear(before, after), nn.LayerNorm(after), nn.LeakyReLU(0.2)]
        initialise(layers[-3], "leaky-relu", generator)
    return layers
