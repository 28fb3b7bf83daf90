"""Independent categorical and binary distributions: the posteriors of codes of symbols."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from isthmus.parts.shared_batch import whole
from isthmus.parts.vectors import vectors_of
from isthmus.shown import Shown


def drawn_symbols(logits: Tensor, noise: Tensor, temperature: Tensor | float) -> tuple[Tensor, Tensor]:
    r"""Draws by the Gumbel-softmax, and what they are relaxed from: :math:`\operatorname{softmax}((l + g) / \tau)`.

    logits: (N, …, K), l. noise: (N, draws, …, K), standard Gumbel numbers g. Returns two (draws · N, …, K), draw by
    draw: l + g, whose largest is at an exact draw, and the softmaxes.

    Source: Jang, Gu & Poole, Categorical reparameterization with Gumbel-softmax, ICLR (2017).
    """
    noisy = (logits[:, None] + noise).transpose(0, 1).flatten(0, 1)
    return noisy, (noisy / temperature).softmax(-1)


@dataclass(frozen=True, repr=False)
class SymbolPosterior(Shown):
    r"""V variables with K values each: :math:`q(z|x) = \prod_v \operatorname{Cat}(\operatorname{softmax} l_v)`.

    logits: (N, V, K), l.
    """

    logits: Tensor

    @property
    def values(self) -> int:
        """K."""
        return self.logits.shape[2]

    def entropy(self) -> Tensor:
        """(N, V) nats."""
        log_shares = self.logits.log_softmax(2)
        return -(log_shares.exp() * log_shares).sum(2)

    def usage(self) -> Tensor:
        """(K,) mean probability of each value, over variables and the whole batch (`isthmus.parts.shared_batch`)."""
        return whole(self.logits).softmax(2).flatten(0, 1).mean(0)

    def kl(self) -> Tensor:
        r"""(N, V) KL divergence to equal probabilities, in nats: :math:`\log K - H(q)`."""
        return math.log(self.values) - self.entropy()

    def log_prob(self, z: Tensor) -> Tensor:
        """(M·N, C, *grid) one-hot codes, draw by draw, to (M·N,) log-probabilities in nats.

        For a relaxed code, the mean of the values' log-probabilities, weighted by the code.
        """
        drawn = vectors_of(z, self.values).view(-1, *self.logits.shape)
        return (drawn * self.logits.log_softmax(2)).sum((2, 3)).flatten()


@dataclass(frozen=True, repr=False)
class BitPosterior(Shown):
    r"""V vectors of independent bits: :math:`q(z_j = 1|x) = \operatorname{sigmoid}(l_j)`.

    logits: (N, V, length), l.
    """

    logits: Tensor

    @property
    def values(self) -> int:
        """How many values a vector can have: 2^length."""
        return 2 ** self.logits.shape[2]

    def entropy(self) -> Tensor:
        """(N, V) nats of each vector: the sum over its bits."""
        return self._entropies().sum(2)

    def usage(self) -> Tensor:
        """(2^length,) mean probability of each value, over vectors and the whole batch; the first bit is the lowest.

        Of each vector, the joint distribution is the outer product of those of its two halves, so that the mean is one
        matrix product.
        """
        bits = whole(self.logits).flatten(0, 1)
        low, high = bits.tensor_split(2, 1)
        with torch.autocast(bits.device.type, enabled=False):
            return (_joint(high).T @ _joint(low)).flatten() / len(bits)

    def kl(self) -> Tensor:
        r"""(N, V · length) KL divergence of each bit to a fair one, in nats: :math:`\log 2 - H(q_j)`."""
        return (math.log(2) - self._entropies()).flatten(1)

    def log_prob(self, z: Tensor) -> Tensor:
        """(M·N, C, *grid) codes of 0 and 1, draw by draw, to (M·N,) log-probabilities in nats."""
        drawn = vectors_of(z, self.logits.shape[2]).view(-1, *self.logits.shape)
        return (drawn * self.logits - F.softplus(self.logits)).sum((2, 3)).flatten()

    def _entropies(self) -> Tensor:
        """(N, V, length) nats."""
        return F.softplus(self.logits) - self.logits * self.logits.sigmoid()


def _joint(logits: Tensor) -> Tensor:
    """(M, B) logits of independent bits to the (M, 2^B) probabilities of their values; the first bit is the lowest."""
    made = logits.new_ones(logits.shape[0], 1)
    for bit in range(logits.shape[1]):
        share = logits[:, bit : bit + 1].sigmoid()
        made = torch.cat([made * (1 - share), made * share], 1)
    return made
