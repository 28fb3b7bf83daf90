"""Adversaries on the code: a rival learns to distinguish codes from draws of the prior, or from shuffled codes."""

import itertools
import math
from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Pass
from isthmus.parts.layers import frozen, initialise
from isthmus.parts.model import Model
from isthmus.parts.part import Shape
from isthmus.parts.penalties.mmd import of_prior
from isthmus.parts.penalties.penalty import Penalty, Weight
from isthmus.parts.shared_batch import own, whole, whole_count


class _CodeRival(Penalty):
    """A small dense network that learns from codes against the model.

    widths: its hidden layers. rate: its learning rate, as a multiple of the model's. smoothness: the weight of the
        penalty on its slope.
    """

    widths: tuple[Annotated[int, Field(ge=1)], ...] = (256, 256)
    rate: Annotated[float, Field(gt=0)] = 1.0
    smoothness: Annotated[float, Field(ge=0)] = 1.0

    @property
    def own_rate(self) -> float:
        """The rival's learning rate, as a multiple of the model's."""
        return self.rate

    def module(self, shape: Shape, code: Shape, generator: torch.Generator) -> nn.Module:
        """The rival: (N, *code) to (N, 1) logits."""
        sizes = (math.prod(code), *self.widths)
        layers: list[nn.Module] = [nn.Flatten()]
        for before, after in itertools.pairwise(sizes):
            layers += [nn.Linear(before, after), nn.LeakyReLU(0.2)]
            initialise(layers[-2], "leaky-relu", generator)
        layers.append(nn.Linear(sizes[-1], 1))
        initialise(layers[-1], "identity", generator)
        return nn.Sequential(*layers)


class CodeAdversary(_CodeRival):
    r"""How sure a rival is that a code isn't a draw of the prior: :math:`-\log D(z)`, in nats.

    The rival D, a small dense network, learns to distinguish them by :math:`-\log D(p) - \log(1 - D(z))`. If it can't
    do better than chance (log 2 = 0.69 for the model, 1.39 for the rival), the codes have the prior's distribution,
    also in details that a kernel overlooks. The model's term keeps its gradient even if the rival is sure.

    To make training converge instead of oscillate, the rival is penalised for its slope at the prior's draws,
    :math:`\frac{\gamma}{2} \lVert \partial D / \partial p \rVert^2` on logits.

    widths: the rival's hidden layers. rate: its learning rate, as a multiple of the model's. smoothness: γ.

    Source: Makhzani et al., Adversarial autoencoders, ICLR workshop (2016); Mescheder et al., Which training methods
    for GANs do actually converge?, ICML (2018), for the slope.
    """

    towards_prior: ClassVar[bool] = True

    def draw(self, count: int, model: Model, generator: torch.Generator) -> Any:
        """The random numbers for N draws of the prior."""
        return model.code.prior.draw(count, model.code_shape, generator)

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) nats, (K·N,) for K draws of the code."""
        return taken_for_real(frozen(model.module_of(self))(out.code.z)[:, 0]).to(out.code.z.dtype)

    def rival(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) the rival's loss; without random numbers, with the same draws of the prior at every call."""
        discriminator = model.module_of(self)
        prior = of_prior(len(out.clean), model, draws).detach()
        found = found_out(discriminator(out.code.z)[:, 0]).view(-1, len(prior)).mean(0)
        loss = found + taken_for_real(discriminator(prior)[:, 0])
        return loss + 0.5 * self.smoothness * squared_slope(lambda x: discriminator(x)[:, 0], prior)


class IndependenceAdversary(_CodeRival):
    r"""How dependent the latent dimensions are on each other, by a rival's estimate: :math:`\log\frac{D(z)}{1 - D(z)}`.

    The rival D learns to distinguish codes from shuffled ones, whose latent dimensions come from different samples of
    the batch, by :math:`-\log D(z) - \log(1 - D(\bar z))`. Its best logits are :math:`\log q(z) - \sum_j \log q(z_j)`;
    their mean is the total correlation of the codes, in nats, which is 0 if the dimensions are independent. Where the
    rival is behind, the estimate is too low, and may be negative.

    weight: γ. "auto" is decided from the data: 8 for samples of 784 numbers or more, and less in proportion for smaller
        ones. The paper has 3 to 40, by the data; in short trainings a large weight drives the codes ahead of the rival.

    Source: Kim & Mnih, Disentangling by factorising, ICML (2018); there the shuffled codes are of a second batch, and
    the rival has six layers of 1,000 units.
    """

    over_batch: ClassVar[bool] = True

    weight: Weight = "auto"
    smoothness: Annotated[float, Field(ge=0)] = 0.0

    def auto_weight(self, spec: DataSpec) -> float:
        """The usual weight, by the size of a sample."""
        return round(GAMMA * spec.share_of_picture, 2)

    def draw(self, count: int, model: Model, generator: torch.Generator) -> Tensor:
        """(N, *code) numbers whose order along N shuffles each latent dimension."""
        return torch.rand(count, *model.code_shape, generator=generator, device=generator.device)

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) nats, (K·N,) for K draws of the code."""
        return frozen(model.module_of(self))(out.code.z)[:, 0].to(out.code.z.dtype)

    def rival(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) the rival's loss; without random numbers, with the same shuffling at every call."""
        discriminator, count = model.module_of(self), len(out.clean)
        if draws is None:
            draws = own(self.draw(whole_count(count), model, torch.Generator().manual_seed(0)))
        z = out.code.z
        shuffled = own(whole(z[:count]).gather(0, whole(draws.to(z.device)).argsort(0)))
        real = taken_for_real(discriminator(z)[:, 0]).view(-1, count).mean(0)
        loss = real + found_out(discriminator(shuffled)[:, 0])
        if not self.smoothness:
            return loss
        return loss + 0.5 * self.smoothness * squared_slope(lambda x: discriminator(x)[:, 0], shuffled)


GAMMA = 8.0
"""After 6 epochs of sprites, the negative log-likelihood is 55 nats and the KL 16; with the paper's 35, 92 and 25."""


def taken_for_real(logits: Tensor) -> Tensor:
    r""":math:`-\log D`: the loss if something isn't taken for real."""
    return F.softplus(-logits)


def found_out(logits: Tensor) -> Tensor:
    r""":math:`-\log(1 - D)`: the loss if a fake isn't detected."""
    return F.softplus(logits)


def squared_slope(discriminator: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """(N,) squared norms of the derivative of a discriminator's (N,) logits; it must mix no samples."""
    slope: Any = torch.func.grad(lambda x: discriminator(x).sum())(x)
    return slope.flatten(1).square().sum(1)
