"""Generation: comparing the distributions of drawn and of real samples, by their features."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from isthmus.errors import DataError
from isthmus.shown import Shown

_PAIRS = 2**22
"""At most this many distances are held at once (32 MB)."""
NEIGHBOURS = 5
"""The default number of neighbours that define a sample's surroundings."""


@dataclass(frozen=True, repr=False)
class Generation(Shown):
    """Drawn samples compared with real ones, in the same features.

    precision: share of the draws that lie among the real samples. recall: share of the real samples that lie among the
    draws. density: like precision, but counting the surroundings that contain a draw, so that one outlier's wide
    surroundings count little; 1 for draws of the data's own distribution, above 1 if draws crowd. coverage: share of
    the real samples with a draw in their surroundings. frechet: distance of the two sets' means and covariances. draws,
    real: the number of each. neighbours: the number that defines the surroundings.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    frechet: float
    draws: int
    real: int
    neighbours: int

    def to_json(self) -> dict[str, float]:
        """All of it, by name."""
        return asdict(self)


def judge_draws(draws: Tensor, real: Tensor, *, neighbours: int = NEIGHBOURS) -> Generation:
    r"""All measures of (M, F) features of drawn samples against (N, F) features of real ones.

    A sample lies among a set if it is within the ball around any member :math:`x_i` that reaches to that member's k-th
    nearest other: :math:`\exists i: \lVert y - x_i \rVert \le r_k(x_i)`. Precision and recall are the shares of the
    draws among the real samples, and of the real samples among the draws. Density is
    :math:`\frac{1}{kM}\sum_j\sum_i 1[\lVert y_j - x_i \rVert \le r_k(x_i)]`, coverage
    :math:`\frac1N\sum_i 1[\exists j: \lVert y_j - x_i \rVert \le r_k(x_i)]`: both rest on the real samples' balls
    alone, so that a few draws far out can't make the draws seem to be everywhere.

    Sources: Kynkäänniemi et al., Improved precision and recall metric for assessing generative models, NeurIPS (2019);
    Naeem et al., Reliable fidelity and diversity metrics for generative models, ICML (2020).

    Raises:
        DataError: there are too few for so many neighbours, or the features are not finite or differ in width.
    """
    draws, real = _checked(draws, real, neighbours)
    of_real, of_draws = _radii(real, neighbours), _radii(draws, neighbours)
    surrounded = covered = 0
    among = torch.zeros(len(draws), dtype=torch.bool)
    reached = torch.zeros(len(real), dtype=torch.bool)
    for rows, apart in _distances(real, draws):
        near = apart <= of_real[rows, None]
        surrounded += int(near.sum())
        covered += int(near.any(1).sum())
        among |= near.any(0)
        reached[rows] = (apart <= of_draws).any(1)
    return Generation(
        precision=float(among.double().mean()),
        recall=float(reached.double().mean()),
        density=surrounded / (neighbours * len(draws)),
        coverage=covered / len(real),
        frechet=frechet_distance(draws, real),
        draws=len(draws),
        real=len(real),
        neighbours=neighbours,
    )


def frechet_distance(draws: Tensor, real: Tensor) -> float:
    r"""Squared distance of the normal distributions with the means and covariances of (M, F) and (N, F) features.

    :math:`\lVert\mu_1-\mu_2\rVert^2 + \mathrm{tr}(C_1 + C_2 - 2\,(C_1^{1/2} C_2 C_1^{1/2})^{1/2})`, in the features'
    squared unit. With few samples it is too large, so only compare values from equally many samples.

    Source: Dowson & Landau, The Fréchet distance between multivariate normal distributions (1982); Heusel et al., GANs
    trained by a two time-scale update rule converge to a local Nash equilibrium, NeurIPS (2017), for its use.
    """
    draws, real = _checked(draws, real, 1)
    one, other = torch.atleast_2d(draws.T.cov()), torch.atleast_2d(real.T.cov())
    values, vectors = torch.linalg.eigh(one)
    root = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    between = torch.linalg.eigvalsh(root @ other @ root).clamp(min=0).sqrt().sum()
    apart = (draws.mean(0) - real.mean(0)).square().sum()
    return max(0.0, float(apart + one.trace() + other.trace() - 2 * between))


def gradient_energy(pictures: Tensor) -> float:
    r"""The sharpness of (N, C, H, W) pictures: the mean squared difference of neighbouring pixels, across plus down.

    In the pictures' squared unit. Blur lowers it and noise raises it, so compare it with that of the real pictures.
    """
    pictures = pictures.float()
    steps = [pictures.diff(dim=axis).square() for axis in (-1, -2) if pictures.shape[axis] > 1]
    return float(sum(step.mean(dtype=torch.float64) for step in steps))


def _checked(draws: Tensor, real: Tensor, neighbours: int) -> tuple[Tensor, Tensor]:
    """Both as (·, F) float64, around the real ones' mean, so that distances lose no digits."""
    draws, real = (of.detach().cpu().flatten(1).double() for of in (draws, real))
    if draws.shape[1] != real.shape[1]:
        raise DataError(
            f"The draws have {draws.shape[1]} features and the real samples {real.shape[1]}: expected equally many. "
            "Compute both with one network."
        )
    least = min(len(draws), len(real))
    if least <= neighbours:
        raise DataError(
            f"{len(draws)} draws and {len(real)} real samples are too few for neighbours={neighbours}: "
            f"give at least {neighbours + 1} of each."
        )
    for called, of in (("draws", draws), ("real samples", real)):
        if not bool(of.isfinite().all()):
            raise DataError(f"The features of some {called} are NaN or infinite: expected finite ones. Check them.")
    centre = real.mean(0)
    return draws - centre, real - centre


def _radii(points: Tensor, neighbours: int) -> Tensor:
    """(N,) the squared distance of each point to its k-th nearest other."""
    radii = torch.empty(len(points), dtype=points.dtype)
    for rows, apart in _distances(points, points):
        apart[torch.arange(len(apart)), torch.arange(rows.start, rows.stop)] = 0  # to itself, without rounding
        radii[rows] = apart.kthvalue(neighbours + 1, dim=1).values  # the nearest is the point itself
    return radii


def _distances(one: Tensor, other: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Squared distances of some of the rows of `one` to all of `other`, (n, M), a stretch at a time."""
    of_other = other.square().sum(1)
    size = max(1, _PAIRS // len(other))
    for start in range(0, len(one), size):
        rows = slice(start, min(start + size, len(one)))
        part = one[rows]
        yield rows, (part.square().sum(1, keepdim=True) + of_other - 2 * part @ other.T).clamp_(min=0)
