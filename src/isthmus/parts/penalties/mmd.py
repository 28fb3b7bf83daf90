"""The maximum mean discrepancy: the distance between the distribution of a batch's codes and the prior."""

from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from isthmus.parts.forward_pass import Pass
from isthmus.parts.model import Model
from isthmus.parts.penalties.penalty import Penalty, Weight
from isthmus.parts.shared_batch import whole

Kernel = Literal["imq", "rbf"]
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""From a tenth of the squared distance between two draws of the prior to ten times it, for near and far codes."""


class Mmd(Penalty):
    r"""Squared maximum mean discrepancy between a batch's codes q and draws of their prior p.

    :math:`\mathrm{MMD}^2 = \mathbb E\,k(z, z') + \mathbb E\,k(p, p') - 2\,\mathbb E\,k(z, p)`, which is 0 where codes
    and prior have the same distribution, and only there. Unlike a KL it doesn't restrict a single sample's code; only
    the codes of all samples together should be distributed like the prior. The estimate is unbiased, so it can be
    slightly below 0. Every sample of a batch has the same penalty. Use batches of a hundred samples or more; for a
    batch of one sample it is 0.

    With :math:`C_s = 2ds` for codes of d numbers, each kernel is the mean over the scales s of

    - "imq", the inverse multiquadric :math:`C_s / (C_s + \lVert x - y \rVert^2)`, which still acts on codes far away;
    - "rbf", the Gaussian :math:`\exp(-\lVert x - y \rVert^2 / C_s)`, which vanishes beyond its width.

    scales: s; 1 is the mean squared distance between two draws of the prior.

    Source: Tolstikhin et al., Wasserstein auto-encoders, ICLR (2018); Gretton et al., A kernel two-sample test, JMLR 13
    (2012), lemma 6.
    """

    over_batch: ClassVar[bool] = True
    towards_prior: ClassVar[bool] = True

    weight: Weight = 100.0
    kernel: Kernel = "imq"
    scales: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = SCALES

    def draw(self, count: int, model: Model, generator: torch.Generator) -> Any:
        """The random numbers for N draws of the prior."""
        return model.code.prior.draw(count, model.code_shape, generator)

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) the batch's discrepancy, the same for each sample; without `draws`, the prior's draws are fixed."""
        prior = of_prior(len(out.code.z), model, draws)
        return mmd(whole(out.code.z), whole(prior), self.kernel, self.scales).expand(len(out.clean))


def mmd(x: Tensor, y: Tensor, kernel: Kernel = "imq", scales: tuple[float, ...] = SCALES) -> Tensor:
    """The scalar unbiased estimate of MMD² from (n, …) and (m, …) samples (see `Mmd`); 0 if n or m is below 2."""
    x, y = x.flatten(1), y.flatten(1)
    if min(len(x), len(y)) < 2:
        return x.new_zeros(())
    with torch.autocast(x.device.type, enabled=False):  # in bfloat16, the subtraction would cancel
        within = sum(_pairs(z, kernel, scales) for z in (x, y))
        return within - 2 * _kernel(squared_distances(x, y), x.shape[1], kernel, scales).mean()


def of_prior(count: int, model: Model, draws: Any = None) -> Tensor:
    """(N, *code) codes drawn from the prior with these random numbers; without them, the same at every call."""
    prior = model.code.prior
    return prior.new(count, model, torch.Generator().manual_seed(0)) if draws is None else prior.sample(draws, model)


def _pairs(x: Tensor, kernel: Kernel, scales: tuple[float, ...]) -> Tensor:
    """The kernel's mean over the pairs of different samples; it is 1 between a sample and itself."""
    values = _kernel(squared_distances(x, x), x.shape[1], kernel, scales)
    return (values.sum() - values.diagonal().sum()) / (len(x) * (len(x) - 1))


def _kernel(squared: Tensor, size: int, kernel: Kernel, scales: tuple[float, ...]) -> Tensor:
    """(n, m) squared distances of samples of `size` numbers to the kernel's values, the mean over the scales."""
    total = torch.zeros_like(squared)
    for width in (2 * size * scale for scale in scales):
        total = total + (width / (width + squared) if kernel == "imq" else torch.exp(-squared / width))
    return total / len(scales)


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """(n, d), (m, d) to (n, m)."""
    squares = x.square().sum(1)[:, None] + y.square().sum(1)
    return (squares - 2 * x @ y.T).clamp(min=0)
