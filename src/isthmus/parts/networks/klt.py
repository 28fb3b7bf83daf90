"""The best linear transform of smooth data in stages: where the training of a compressor starts."""

from functools import cache

import torch
from torch import Tensor

CORRELATIONS = 0.95, 0.94
"""Of neighbours, along the first and the second axis; with equal ones, some components would not be unique."""
OF_CHANNELS = 0.95
"""The correlation of neighbouring channels."""


@cache
def stages(channels: int, axes: int, strides: tuple[int, ...], widths: tuple[int, ...]) -> tuple[Tensor, ...]:
    r"""The orthonormal kernels (out, in, stride …) of each stage of a Karhunen–Loève transform, float32.

    The data are taken for a Gauss–Markov field, in which the correlation of two numbers falls by a constant factor with
    each position between them. A stage transforms blocks of `stride` positions of the stage before to their principal
    components, at most `width` of them, the one of largest variance first. The first stage is close to a discrete
    cosine transform of brightness and two colour differences.

    channels: of the data. axes: 1 for series, 2 for pictures.
    """
    basis = torch.eye(channels, dtype=torch.float64).view(channels, channels, *[1] * axes)
    kernels = []
    for stride, width in zip(strides, widths, strict=True):
        placed = _placed(basis, stride, axes)
        flat = placed.flatten(1)
        covariance = flat @ _covariance(channels, placed.shape[-1], axes) @ flat.T
        vectors = torch.linalg.eigh(covariance).eigenvectors.flip(1).T[:width]
        largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
        vectors = vectors * largest.sign()
        basis = (vectors @ flat).view(len(vectors), *placed.shape[1:])
        kernels.append(vectors.view(len(vectors), *[stride] * axes, -1).movedim(-1, 1).float())
    return tuple(kernels)


def embed(weight: Tensor, kernel: Tensor) -> None:
    """Write a stage's kernel (out, in, stride …) into the middle of a convolution's weight, as far as it has channels.

    weight: (out, in, size …) of a convolution with padding size // 2, or (in, out, size …) of a transposed one.
    """
    middle = weight.shape[2] // 2
    out, given = min(len(weight), len(kernel)), min(weight.shape[1], kernel.shape[1])
    places = [slice(middle, middle + stride) for stride in kernel.shape[2:]]
    with torch.no_grad():
        weight[(slice(out), slice(given), *places)] = kernel[:out, :given]


def _placed(basis: Tensor, stride: int, axes: int) -> Tensor:
    """(width, C, side …) functions to (stride ** axes · width, C, stride · side …): each at every place of a block."""
    side = basis.shape[-1]
    offsets = torch.cartesian_prod(*[torch.arange(stride)] * axes).view(-1, axes)
    placed = basis.new_zeros(len(offsets), *basis.shape[:2], *[stride * side] * axes)
    for number, offset in enumerate(offsets.tolist()):
        here = [slice(place * side, (place + 1) * side) for place in offset]
        placed[(number, slice(None), slice(None), *here)] = basis
    return placed.flatten(0, 1)


def _covariance(channels: int, side: int, axes: int) -> Tensor:
    """(C · side ** axes,) squared, of a block of the field."""
    made = _markov(channels, OF_CHANNELS)
    for correlation in CORRELATIONS[:axes]:
        made = torch.kron(made, _markov(side, correlation))
    return made


def _markov(count: int, correlation: float) -> Tensor:
    places = torch.arange(count, dtype=torch.float64)
    return correlation ** (places[:, None] - places).abs()
