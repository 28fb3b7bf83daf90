"""Samplers of real numbers, fitted to codes: Gaussians, mixtures of them, and shifts towards near codes."""

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from isthmus.errors import DataError, nearest
from isthmus.parts.mixtures import factor_of, fit_mixture
from isthmus.samplers.sampler import Sampler

Way = Literal["prior", "gaussian", "mixture", "neighbours", "sequences"]
"""How codes are drawn. "sequences" draws the indices of quantised codes (see `isthmus.samplers.sequences`)."""
OF_NUMBERS = ("prior", "gaussian", "mixture", "neighbours")
"""The ways to draw codes of real numbers."""


@dataclass(frozen=True, repr=False)
class Gaussians(Sampler):
    r"""A mixture :math:`\sum_k w_k\,\mathcal N(\mu_k, A_k A_k^\top)` over the flat code of D numbers; one, or several.

    weights: (K,). means: (K, D). factors: (K, D, D), each A.
    """

    kind: ClassVar[str] = "gaussians"

    weights: Tensor
    means: Tensor
    factors: Tensor

    def _sizes(self) -> dict[str, tuple[int, ...]]:
        count, size = len(self.weights), math.prod(self.shape)
        return {"weights": (count,), "means": (count, size), "factors": (count, size, size)}

    def _flat(self, count: int, generator: torch.Generator) -> Tensor:
        chosen = torch.searchsorted(self.weights.cumsum(0), torch.rand(count, generator=generator)).clamp(
            max=len(self.weights) - 1
        )
        noise = torch.randn(count, self.means.shape[1], generator=generator)
        made = torch.empty_like(noise)
        for place, (mean, factor) in enumerate(zip(self.means, self.factors, strict=True)):
            own = chosen == place
            made[own] = mean + noise[own] @ factor.T
        return made


@dataclass(frozen=True, repr=False)
class Neighbours(Sampler):
    r"""One of the codes, moved at random towards or away from its k nearest.

    :math:`c_i + \frac{r}{\sqrt k}\sum_j \varepsilon_j (c_{ij} - c_i)`. Draws spread like the codes nearby and stay
    close to them, whatever shape the distribution of codes has.

    codes: (M, D). near: (M, k) int64, each code's nearest others. reach: r; (1,).
    """

    kind: ClassVar[str] = "neighbours"

    codes: Tensor
    near: Tensor
    reach: Tensor

    def _sizes(self) -> dict[str, tuple[int, ...]]:
        count, near = len(self.codes), self.near.shape[-1]
        if not bool(((self.near >= 0) & (self.near < count)).all()):
            raise ValueError("near names codes that don't exist")
        return {"codes": (count, math.prod(self.shape)), "near": (count, near), "reach": (1,)}

    def _flat(self, count: int, generator: torch.Generator) -> Tensor:
        chosen = torch.randint(len(self.codes), (count,), generator=generator)
        noise = torch.randn(count, self.near.shape[1], generator=generator) * self.reach / self.near.shape[1] ** 0.5
        codes = self.codes[chosen]
        steps = self.codes[self.near[chosen]] - codes[:, None]
        return codes + (noise[:, :, None] * steps).sum(1)


def fit_sampler(
    codes: Tensor, way: Way = "mixture", *, components: int = 10, neighbours: int = 5, reach: float = 0.5, seed: int = 0
) -> Sampler:
    """A sampler fitted to (N, *code) codes, such as `run.encode(data.train)`.

        sampler = fit_sampler(run.encode(data.train), "mixture", components=20)
        pictures = run.decode(sampler.draw(16, torch.Generator().manual_seed(0)))

    way: "prior", the standard normal, for models trained with it (a VAE, wae, aae); "gaussian", with the codes' mean
        and covariance; "mixture", several Gaussians; "neighbours", the codes themselves with random shifts.
    components: of the mixture. neighbours, reach: the number of near codes that a shift uses, and its size. seed: of
        the mixture's start.

    Raises:
        DataError: the codes are too few or not finite, or there is no such way.
    """
    if way not in OF_NUMBERS:
        raise DataError(f"There is no way {way!r} to draw codes of numbers. {nearest(str(way), OF_NUMBERS)}")
    least = {"gaussian": 2, "mixture": components + 1, "neighbours": neighbours + 1}.get(way, 0)
    if len(codes) < least:
        fewer = {"mixture": ", or fewer components", "neighbours": ", or fewer neighbours"}.get(way, "")
        raise DataError(f"There are {len(codes)} codes, but {way!r} needs {least} or more. Give more codes{fewer}.")
    if not bool(codes.isfinite().all()):
        raise DataError("Some codes are NaN or infinite: expected finite codes. Leave out the samples they came from.")
    shape, flat = tuple(codes.shape[1:]), codes.detach().cpu().flatten(1).double()
    match way:
        case "prior":
            size = math.prod(shape)
            return Gaussians(shape, torch.ones(1), torch.zeros(1, size), torch.eye(size)[None])
        case "gaussian":
            factor = factor_of(torch.atleast_2d(flat.T.cov()))
            return Gaussians(shape, torch.ones(1), flat.mean(0)[None].float(), factor[None])
        case "mixture":
            return _mixture(shape, flat, components, seed)
        case _:
            return _neighbours(shape, flat, neighbours, reach)


def _mixture(shape: tuple[int, ...], flat: Tensor, components: int, seed: int) -> Gaussians:
    found = fit_mixture(flat, components, seed)
    factors = torch.stack([factor_of(covariance) for covariance in found.covariances])
    return Gaussians(shape, found.weights.float(), found.means.float(), factors)


def _neighbours(shape: tuple[int, ...], flat: Tensor, count: int, reach: float) -> Neighbours:
    from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415 slow to import, and needed here alone

    near = NearestNeighbors(n_neighbors=count).fit(flat.numpy()).kneighbors(return_distance=False)
    return Neighbours(shape, flat.float(), torch.from_numpy(near).long(), torch.tensor([reach]))
