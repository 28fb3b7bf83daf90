"""Principal components in closed form from streamed samples: the best linear autoencoder."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.errors import DataError
from isthmus.parts.least_squares import Moments
from isthmus.shown import Shown
from isthmus.threads import shared_cores

WIDEST_MATRIX = 6000
"""The largest covariance or Gram matrix that is decomposed completely, in rows (288 MB in float64)."""

_BATCH_NUMBERS = 2**25
"""The largest count of numbers in one batch (256 MB in float64), also for large samples."""

_EXACT_ROWS = 256
"""Rows of bytes whose products add up to at most 2²⁴, so that float32 holds every sum exactly."""

_EPSILON = torch.finfo(torch.float64).eps


@dataclass(frozen=True, eq=False, repr=False)
class PCA(Shown):
    """An orthogonal projection onto the `size` directions in which the samples vary most.

    All tensors are float64 and refer to scaled values, D numbers per sample; a missing number (NaN) counts as the mean
    of the known ones. Rows without variance are zero: padding, if more components were requested than the samples span,
    or a variance too small to distinguish from rounding.

    mean: (D,) mean of the samples.
    components: (size, D) orthonormal rows, largest variance first; the entry of largest magnitude in a row is positive.
    variances: (size,) the variance along each, over N (scikit-learn divides by N - 1), so that on the samples it was
        learnt from the mean squared error, summed over a sample, is exactly `total_variance - variances.sum()`.
    total_variance: the variance over all D directions.
    """

    mean: Tensor
    components: Tensor
    variances: Tensor
    total_variance: float

    @property
    def size(self) -> int:
        """The number of latent dimensions, including padding."""
        return len(self.components)

    @property
    def rank(self) -> int:
        """The number of components with variance."""
        return int((self.variances > 0).sum())

    @property
    def explained(self) -> float:
        """The share of the total variance along the components, 0 to 1; 1 if there is no variance."""
        return float(self.variances.sum()) / self.total_variance if self.total_variance > 0 else 1.0

    def first(self, size: int) -> PCA:
        """The same with only the first components, equal to `principal_components` with this size.

        Raises:
            DataError: it has fewer components.
        """
        if not 1 <= size <= self.size:
            raise DataError(
                f"size={size}, but there are {self.size} principal components: expected 1 to {self.size}. Learn more."
            )
        return PCA(self.mean, self.components[:size], self.variances[:size], self.total_variance)

    def encode(self, scaled: Tensor) -> Tensor:
        """(N, *shape) scaled values to (N, size) float32 codes; padded entries are 0."""
        return self._project(scaled).to(scaled.device, torch.float32)

    def decode(self, code: Tensor) -> Tensor:
        """(N, size) codes to (N, D) float32 scaled values."""
        return self._expand(self._rows(code)).to(code.device, torch.float32)

    def reconstruct(self, scaled: Tensor) -> Tensor:
        """(N, *shape) scaled values to their nearest points in the subspace, same shape, float32."""
        rows = self._expand(self._project(scaled))
        return rows.to(scaled.device, torch.float32).reshape(scaled.shape)

    def linear(self) -> tuple[Tensor, Tensor, Tensor]:
        """The same map as a tied linear autoencoder: weight (size, D), encoder bias (size,), decoder bias (D,).

        `z = x @ weight.T + encoder_bias` and `x' = z @ weight + decoder_bias`.
        """
        return self.components, -self.components @ self.mean, self.mean

    def to_tensors(self) -> dict[str, Tensor]:
        """All fields as named tensors for safetensors; `from_tensors` restores them exactly."""
        return {
            "mean": self.mean.contiguous(),
            "components": self.components.contiguous(),
            "variances": self.variances.contiguous(),
            "total_variance": torch.tensor([self.total_variance], dtype=torch.float64),
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> PCA:
        """The PCA from the tensors of `to_tensors`.

        Raises:
            DataError: a tensor is missing, or the shapes don't fit each other.
        """
        names = ("mean", "components", "variances", "total_variance")
        missing = [name for name in names if name not in tensors]
        if missing:
            raise DataError(
                f"These principal components lack {', '.join(missing)}; {', '.join(names)} were expected. "
                "Learn them again with principal_components()."
            )
        mean, components, variances, total = (tensors[name].to(torch.float64) for name in names)
        width, size = mean.numel(), variances.numel()
        if mean.dim() != 1 or variances.dim() != 1 or components.shape != (size, width) or total.numel() != 1:
            given = ", ".join(f"{name} {tuple(tensors[name].shape)}" for name in names)
            raise DataError(
                f"These principal components don't fit each other: {given}; expected (D,), (size, D), (size,), (1,). "
                "Learn them again with principal_components()."
            )
        return cls(mean, components, variances, float(total))

    def _rows(self, values: Tensor) -> Tensor:
        return values.to(self.mean.device, torch.float64).flatten(1)

    def _project(self, scaled: Tensor) -> Tensor:
        return (_filled(self._rows(scaled), self.mean) - self.mean) @ self.components.T

    def _expand(self, code: Tensor) -> Tensor:
        return torch.addmm(self.mean, code, self.components)


@shared_cores()
def principal_components(
    samples: Samples,
    scaling: Callable[[Tensor], Tensor],
    size: int,
    *,
    batch: int = 4096,
    generator: torch.Generator | None = None,
) -> PCA:
    r"""Learn the first `size` principal components of scaled `samples`, streaming, in float64.

    The five classical steps, and where they are:

    1. **Standardise**: `scaling` (to one range or one variance), then the mean is subtracted.
    2. **Covariance**: :math:`C = \frac1N \sum_n (x_n - \bar x)(x_n - \bar x)^\top`, merged from each
       batch's own mean and scatter (Chan), so that a large mean costs no digits.
    3. **Eigen-decomposition**: :math:`C v_i = \lambda_i v_i`; :math:`\lambda_i` is the variance along :math:`v_i`.
    4. **Feature vector**: keep the `size` eigenvectors of largest variance, the rows of `components`.
    5. **Recast**: `PCA.encode` projects samples onto them, `PCA.decode` maps codes to samples.

    The smallest possible matrix is used. With D numbers per sample and N samples:

    - D at most 6000 and at most N: the D x D covariance, in one pass.
    - otherwise N at most 6000: the N x N Gram matrix, which has the same non-zero eigenvalues (times N); its
      eigenvectors are carried over to the D dimensions in a last pass.
    - otherwise: a random subspace of `size + 10` directions, pulled towards the leading ones by five passes of
      multiplication with the covariance, then decomposed exactly within itself. The variances are then lower bounds,
      near exact where they fall off. Drawn from `generator`, or from seed 0.

    At most min(N - 1, D) directions can vary. If `size` is larger, or a variance can't be distinguished from rounding,
    the remaining components and variances are zero: those latent dimensions are 0 and add nothing to the
    reconstruction.

    A missing number (NaN) is filled by the mean of the known numbers in its place, computed in an extra pass.

    samples: the samples to learn from: the training part.
    scaling: a `Scaling`, from raw values to scaled values.
    size: the number of components, at least 1.
    batch: the number of samples to read at a time; fewer if they would take more than 256 MB.

    Raises:
        DataError: no sample, a size below 1, or infinite values.

    Source: Pearson 1901, Hotelling 1933; Chan, Golub & LeVeque 1983; Halko, Martinsson & Tropp 2011, algorithm 4.4.
    """
    if size < 1:
        raise DataError(f"size={size} is too small: expected at least 1 principal component. Set size=1 or more.")
    if len(samples) == 0:
        raise DataError("There are no samples to learn principal components from: expected at least 1. Give some.")
    stream = _Rows(samples, scaling, batch)
    count, width = len(samples), stream.width
    if width <= min(count, WIDEST_MATRIX):
        bytewise = samples.dtype == "uint8" and isinstance(scaling, Scaling) and scaling.kind == "bytes"
        mean, scatter = _byte_scatter(stream) if bytewise else _scatter(stream)
        _refuse_infinite(scatter)
        total = float(scatter.diagonal().sum())
        values, vectors = _leading(scatter, size)
    else:
        mean, total = _spread(stream)
        _refuse_infinite(mean, torch.tensor(total, dtype=torch.float64))
        if count <= WIDEST_MATRIX:
            values, vectors = _by_gram(stream, mean, size)
        else:
            values, vectors = _by_subspace(stream, mean, size, generator or torch.Generator().manual_seed(0))
    floor = _EPSILON * max(count, width) * (total + _EPSILON * count * float(mean.square().sum()))
    return _ordered(mean, values, vectors, total, size=size, count=count, floor=floor)


class _Rows:
    """Samples as (n, D) float64 batches of scaled values, to be read as often as needed."""

    def __init__(self, samples: Samples, scaling: Callable[[Tensor], Tensor], batch: int) -> None:
        self.samples, self.scaling = samples, scaling
        self.width = int(torch.Size(samples.shape).numel())
        self.batch = max(1, min(batch, _BATCH_NUMBERS // max(1, self.width)))
        self.fill = self._means()

    def __iter__(self) -> Iterator[Tensor]:
        for rows in self._scaled():
            yield rows if self.fill is None else _filled(rows, self.fill)

    def _scaled(self) -> Iterator[Tensor]:
        for raw in self.samples.batches(self.batch):
            with torch.no_grad():
                yield self.scaling(raw).flatten(1).to("cpu", torch.float64)

    def _means(self) -> Tensor | None:
        """(D,) means of what is known, 0 where nothing is; None where nothing is missing."""
        batches = () if self.samples.dtype == "uint8" else self.samples.batches(self.batch)
        if not any(bool(raw.isnan().any()) for raw in batches):
            return None
        total = torch.zeros(self.width, dtype=torch.float64)
        count = torch.zeros(self.width, dtype=torch.float64)
        for rows in self._scaled():
            total += rows.nansum(0)
            count += (~rows.isnan()).sum(0)
        return total / count.clamp(min=1)


def _filled(rows: Tensor, fill: Tensor) -> Tensor:
    """(n, D) rows with (D,) numbers in the place of NaN."""
    return torch.where(rows.isnan(), fill, rows)


def _scatter(stream: _Rows) -> tuple[Tensor, Tensor]:
    """Mean (D,) and scatter (D, D), the sum of squares about the mean, by merging the moments of batches."""
    moments = Moments(stream.width)
    for rows in stream:
        moments.add(rows)
    return moments.mean, moments.scatter


def _byte_scatter(stream: _Rows) -> tuple[Tensor, Tensor]:
    """The same for bytes over 255, from whole numbers: half the time, and exact but for the last step.

    A float32 product of `_EXACT_ROWS` rows has no sum above 2²⁴, so that it makes no rounding error.
    """
    total = torch.zeros(stream.width, dtype=torch.float64)
    squares = torch.zeros(stream.width, stream.width, dtype=torch.float64)
    for raw in stream.samples.batches(_EXACT_ROWS):
        rows = raw.flatten(1).to("cpu", torch.float32)
        squares += rows.T @ rows
        total += rows.sum(0)
    count = len(stream.samples)
    return total / (255 * count), squares.mul_(count).addr_(total, total, alpha=-1).div_(count * 255**2)


def _spread(stream: _Rows) -> tuple[Tensor, float]:
    """Mean (D,) and the trace of the scatter, without the scatter itself."""
    count, mean, total = 0, torch.zeros(stream.width, dtype=torch.float64), 0.0
    for rows in stream:
        centre = rows.mean(0)
        shift, share = centre - mean, len(rows) / (count + len(rows))
        total += float((rows - centre).square().sum() + shift.square().sum() * count * share)
        mean += shift * share
        count += len(rows)
    return mean, total


def _leading(matrix: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The largest eigenvalues (k,) of a symmetric matrix, falling, and their eigenvectors as rows (k, n)."""
    values, vectors = torch.linalg.eigh(matrix)
    keep = min(size, len(values))
    return values[-keep:].flip(0), vectors[:, -keep:].flip(1).T


def _by_gram(stream: _Rows, mean: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Eigenvalues and rows of the scatter from the (N, N) products between samples, two batches in memory at a time."""
    count = len(stream.samples)
    gram = torch.zeros(count, count, dtype=torch.float64)
    for i, rows in enumerate(stream):
        at, away = i * stream.batch, rows - mean
        for j, others in enumerate(itertools.islice(stream, i + 1)):
            to = j * stream.batch
            block = away @ (others - mean).T
            gram[at : at + len(rows), to : to + len(others)] = block
            gram[to : to + len(others), at : at + len(rows)] = block.T
    values, vectors = _leading(gram, min(size, max(1, count - 1)))
    carried = torch.zeros(len(values), stream.width, dtype=torch.float64)
    for i, rows in enumerate(stream):
        carried += vectors[:, i * stream.batch : i * stream.batch + len(rows)] @ (rows - mean)
    # In exact arithmetic the rows are orthogonal; QR corrects rows whose eigenvalue is small compared with the first.
    return values, torch.linalg.qr(carried.T)[0].T


def _by_subspace(stream: _Rows, mean: Tensor, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Approximate eigenvalues and rows of the scatter: randomised subspace iteration, one pass a power."""
    directions = min(size + 10, stream.width, len(stream.samples))
    basis = torch.randn(stream.width, directions, dtype=torch.float64, generator=generator)
    for _ in range(5):
        basis = torch.linalg.qr(basis)[0]
        pulled = torch.zeros_like(basis)
        for rows in stream:
            away = rows - mean
            pulled.addmm_(away.T, away @ basis)
        basis = pulled
    basis = torch.linalg.qr(basis)[0]
    within = torch.zeros(directions, directions, dtype=torch.float64)
    for rows in stream:
        seen = (rows - mean) @ basis
        within.addmm_(seen.T, seen)
    values, vectors = _leading(within, size)
    return values, vectors @ basis.T


def _ordered(
    mean: Tensor, values: Tensor, vectors: Tensor, total: float, *, size: int, count: int, floor: float
) -> PCA:
    """A PCA from the eigenvalues of the scatter: with fixed signs, rounding set to zero, padded to `size`."""
    kept = int((values > floor).sum())
    components = torch.zeros(size, len(mean), dtype=torch.float64)
    variances = torch.zeros(size, dtype=torch.float64)
    rows = vectors[:kept]
    largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
    components[:kept] = rows * largest.sign()
    variances[:kept] = values[:kept] / count
    return PCA(mean, components, variances, total / count)


def _refuse_infinite(*moments: Tensor) -> None:
    if not all(bool(moment.isfinite().all()) for moment in moments):
        raise DataError(
            "The scaled samples have infinite values, but principal components need finite ones. "
            "Drop or fill them when opening the data."
        )
