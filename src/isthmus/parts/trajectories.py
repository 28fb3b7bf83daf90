r"""Hamiltonian trajectories: a position z and its momentum ρ move along the gradient of an energy U.

The total energy :math:`U(z) + \frac12\rho^\top G^{-1}(z)\rho + \frac12\log|G(z)|` stays nearly the same, and volumes
stay exactly the same, so densities need no correction. G is the identity in `leapfrog`.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Slope = Callable[[Tensor], Tensor]
"""(N, D) positions to (N, D) gradients of each one's energy."""
FIXED_POINT = 3
"""Iterations of each implicit equation of `curved`."""


def slope_of(energy: Callable[[Tensor], Tensor]) -> Slope:
    """The gradient of an energy, (N, D) to (N,), which must not mix the samples. It can be differentiated itself."""
    transformed: Any = torch.func.grad(lambda z: energy(z).sum())

    def slope(z: Tensor) -> Tensor:
        if torch.compiler.is_compiling() or torch._C._are_functorch_transforms_active():
            return transformed(z)
        outside = torch.is_grad_enabled()  # by autograd otherwise: `torch.func` imports the compiler, for seconds
        with torch.enable_grad():
            # a tensor of its own, so that what else depends on z is constant
            place = z.view_as(z) if z.requires_grad else z.detach().requires_grad_()
            return torch.autograd.grad(energy(place).sum(), place, create_graph=outside)[0]

    return slope


def cooling(start: Tensor | float, step: int, steps: int) -> Any:
    r""":math:`\sqrt{\beta_k}` after step k of K, where β grows from `start` to 1, the quadratic scheme of the paper.

    :math:`1 / \sqrt{\beta_k} = (1 - 1 / \sqrt{\beta_0}) k^2 / K^2 + 1 / \sqrt{\beta_0}`.
    """
    hot = start**-0.5
    return 1 / ((1 - hot) * (step / steps) ** 2 + hot)


def leapfrog(
    z: Tensor, momentum: Tensor, slope: Slope, size: Tensor | float, steps: int, start: Tensor | float = 1.0
) -> tuple[Tensor, Tensor]:
    r"""(N, D), (N, D) after so many leapfrog steps of this size, which may differ from dimension to dimension.

    start: :math:`\beta_0`; the momentum is multiplied by :math:`\sqrt{\beta_{k-1} / \beta_k}` after each step, so that
        a smaller β₀ than 1 cools it. The volume then changes by :math:`\beta_0^{D/2}` in all.

    Source: Neal, MCMC using Hamiltonian dynamics (2011); Caterini, Doucet & Sejdinovic, Hamiltonian variational
    auto-encoder, NeurIPS (2018).
    """
    force = slope(z) if steps else z
    for step in range(1, steps + 1):
        momentum = momentum - 0.5 * size * force
        z = z + size * momentum
        force = slope(z)
        momentum = momentum - 0.5 * size * force
        momentum = momentum * (cooling(start, step - 1, steps) / cooling(start, step, steps))
    return z, momentum


def curved(
    z: Tensor,
    momentum: Tensor,
    energy: Callable[[Tensor], Tensor],
    inverse: Callable[[Tensor], Tensor],
    size: Tensor | float,
    steps: int,
    start: Tensor | float = 1.0,
) -> tuple[Tensor, Tensor]:
    r"""(N, D), (N, D) after so many generalised leapfrog steps, in a space with the metric G.

    Two of its three equations are implicit, and are solved by `FIXED_POINT` iterations, so that volumes are the same up
    to their error, which is of third order in the size of a step.

    energy: (N, D) to (N,), U. inverse: (N, D) to (N, D, D), :math:`G^{-1}`. start: as in `leapfrog`.

    Source: Girolami & Calderhead, Riemann manifold Langevin and Hamiltonian Monte Carlo (2011); Chadebec,
    Mantoux & Allassonnière, Geometry-aware Hamiltonian variational auto-encoder (2020).
    """

    def by_place(z: Tensor, momentum: Tensor) -> Tensor:
        return slope_of(lambda place: energy(place) + kinetic(inverse(place), momentum))(z)

    for step in range(1, steps + 1):
        half = momentum
        for _ in range(FIXED_POINT):
            half = momentum - 0.5 * size * by_place(z, half)
        before = _times(inverse(z), half)
        after = z
        for _ in range(FIXED_POINT):
            after = z + 0.5 * size * (before + _times(inverse(after), half))
        z, momentum = after, half - 0.5 * size * by_place(after, half)
        momentum = momentum * (cooling(start, step - 1, steps) / cooling(start, step, steps))
    return z, momentum


def log_determinant(matrices: Tensor) -> Tensor:
    """(N, D, D) positive definite to (N,)."""
    return 2 * triangle_of(matrices).diagonal(dim1=1, dim2=2).log().sum(1)


def triangle_of(matrices: Tensor) -> Tensor:
    r"""(N, D, D) positive definite to their lower triangles C: :math:`CC^\top` is the matrix."""
    return torch.linalg.cholesky_ex(matrices).L  # which, unlike `cholesky`, makes no device wait for a check


def kinetic(inverse: Tensor, momentum: Tensor) -> Tensor:
    r"""(N, D, D) :math:`G^{-1}`, (N, D) to the (N,) energies of the momenta, :math:`-\log\mathcal N(\rho; 0, G)`.

    Without the constant :math:`\frac D2\log 2\pi`.
    """
    return 0.5 * _squares(inverse, momentum) - 0.5 * log_determinant(inverse)


def _times(matrices: Tensor, vectors: Tensor) -> Tensor:
    return (matrices @ vectors[..., None])[..., 0]


def _squares(matrices: Tensor, vectors: Tensor) -> Tensor:
    return (vectors * _times(matrices, vectors)).sum(1)
