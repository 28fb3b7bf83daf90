"""The joint code: Gaussian numbers next to classes, which are drawn by the Gumbel-softmax."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, SerializeAsAny
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.codes.code import CodeKind, check_flat
from isthmus.parts.forward_pass import Code
from isthmus.parts.gaussians import DiagonalGaussian
from isthmus.parts.part import Shape
from isthmus.parts.priors import Prior, UniformCategories
from isthmus.parts.priors.categories import one_hot
from isthmus.parts.symbols import drawn_symbols

Section = Literal["numbers", "categories"]


@dataclass(frozen=True)
class JointPosterior:
    r"""The posterior :math:`q(z, c|x) = \mathcal N(z; \mu, \operatorname{diag}\sigma^2) \prod_i q(c_i|x)`.

    normal: of the numbers. log_shares: for each variable of classes the (N, K) logarithms of their probabilities.
    """

    normal: DiagonalGaussian
    log_shares: Sequence[Tensor]

    @property
    def mean(self) -> Tensor:
        """(N, code) the means of the numbers, then the probabilities of the classes."""
        return torch.cat([self.normal.mean, *(logs.exp() for logs in self.log_shares)], 1)

    def log_prob(self, z: Tensor) -> Tensor:
        """(K·N, code), draw by draw, where one of each variable's classes is 1, to (K·N,) log-densities in nats."""
        count = self.normal.mean.shape[1]
        logs = torch.cat([*self.log_shares], 1)
        chosen = (z[:, count:].view(-1, *logs.shape) * logs).sum(2).flatten()
        return self.normal.log_prob(z[:, :count]) + chosen

    def kl(self) -> Tensor:
        r"""(N, code) KL divergence to a standard normal and to equally probable classes, in nats.

        A variable's KL, :math:`\sum_k q_k \log(K q_k)`, is divided among its K classes as
        :math:`q_k \log(K q_k) - q_k + 1/K`, which is never negative and has the same sum.
        """
        of_classes = []
        for logs in self.log_shares:
            count, shares = logs.shape[1], logs.exp()
            of_classes.append(shares * (logs + math.log(count)) - shares + 1 / count)
        return torch.cat([self.normal.kl(), *of_classes], 1)


class Joint(CodeKind):
    r"""Gaussian numbers z, then variables c of classes, for data that come in classes, such as pictures of digits.

    In training, a variable's classes are drawn as shares that add up to 1, by the Gumbel-softmax
    :math:`c = \operatorname{softmax}((\log q(c|x) + g) / \tau)` with Gumbel noise g, because a draw of one class has no
    gradient. After training, one class of each variable is drawn, and its share is 1. Without draws, as in `encode`,
    the code is the means and the probabilities. The decoder gets all of them side by side, numbers first.

    size: the numbers. categories: for each variable, how many classes it has. temperature: τ; a small one makes shares
        near 0 and 1, and gradients that vary more. draws: how many codes are drawn for each sample in a pass, K.

    Source: Dupont, Learning disentangled joint continuous and discrete representations, NeurIPS (2018); Jang, Gu &
    Poole, Categorical reparameterization with Gumbel-softmax, ICLR (2017).
    """

    drawn: ClassVar[bool] = True
    relaxed: ClassVar[bool] = True

    most: Annotated[int, Field(ge=1)] = 10
    categories: Annotated[tuple[Annotated[int, Field(ge=2)], ...], Field(min_length=1)] = (10,)
    temperature: Annotated[float, Field(gt=0)] = 0.67
    draws: Annotated[int, Field(ge=1)] = 1
    prior: SerializeAsAny[Prior] = UniformCategories()

    def shape(self, natural: Shape | None) -> Shape | None:
        """(size + all classes,)."""
        numbers = super().shape(None)
        return None if numbers is None else (numbers[0] + sum(self.categories), *numbers[1:])

    def check(self, code: Shape) -> None:
        """Raise BlueprintError unless the code is flat, and its prior knows of classes."""
        check_flat(code, "A joint code", "10, for example")
        if not isinstance(self.prior, UniformCategories):
            raise BlueprintError(
                f"A joint code needs a prior of its classes, which the prior {self.prior.kind!r} is not. "
                "Leave the prior out, or set prior='uniform-categories'."
            )

    def features(self, code: Shape) -> Shape:
        """Means and log-variances of the numbers, and a logit for each class."""
        return (2 * self._numbers(code) + sum(self.categories),)

    def section(self, name: Section, code: Shape) -> slice:
        """The latent dimensions of the numbers, or of the classes."""
        count = self._numbers(code)
        return slice(count) if name == "numbers" else slice(count, code[0])

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module:
        """A module without weights, whose mode distinguishes training from evaluation."""
        return nn.Module()

    def draw(self, count: int, code: Shape, generator: torch.Generator, draws: int | None = None) -> Tensor:
        """(N, K, code) standard normal numbers; those of the classes become Gumbel noise."""
        return torch.randn(count, draws or self.draws, *code, generator=generator, device=generator.device)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, features), (N, K, code) to the Code of K draws, with its posterior."""
        numbers, logits = features.tensor_split([features.shape[1] - sum(self.categories)], 1)
        normal = DiagonalGaussian.of(numbers)
        posterior = JointPosterior(normal, [one.log_softmax(1) for one in logits.split(self.categories, 1)])
        if draws is None:
            return Code(posterior.mean, posterior)
        own, *others = draws.split([normal.mean.shape[1], *self.categories], 2)
        relaxed = module is not None and module.training
        drawn = [normal.sample(own)]
        for logs, noise in zip(posterior.log_shares, others, strict=True):
            # -log(-log u) of u = Φ(n), the probability of a smaller normal number
            noisy, soft = drawn_symbols(logs, -(-torch.special.log_ndtr(noise)).log(), self.temperature)
            drawn.append(soft if relaxed else one_hot(noisy))
        return Code(torch.cat(drawn, 1), posterior)

    def _numbers(self, code: Shape) -> int:
        return code[0] - sum(self.categories)
