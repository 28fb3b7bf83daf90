"""The Riemannian code: a Hamiltonian code that moves in a latent space with a learnt metric."""

from typing import Annotated, Any, Self

import torch
from pydantic import Field, SerializeAsAny, model_validator
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.codes.hamiltonian import Hamiltonian, Moves
from isthmus.parts.gaussians import DiagonalGaussian, standard_log_prob
from isthmus.parts.model import Model
from isthmus.parts.part import Shape
from isthmus.parts.priors import MetricPrior, Prior
from isthmus.parts.priors.metric import factors_count
from isthmus.parts.trajectories import curved, kinetic, log_determinant, triangle_of


class Riemannian(Hamiltonian):
    r"""A Hamiltonian code whose latent space has the metric of its prior, `metric`, which the encoder learns.

    Momenta are drawn as :math:`\mathcal N(0, G(z_0) / \beta_0)`, and codes move by the generalised leapfrog. Beside
    means and log-variances, the encoder makes the factor L of each sample's own part of the metric. Afterwards, new
    samples are drawn where the metric has codes (see `MetricPrior`), which helps with few training samples.

    The implicit equations are solved by three iterations, so the bound is exact up to their small error. Each step
    takes several gradients of the decoder; use few latent dimensions.

    Source: Chadebec, Mantoux & Allassonnière, Geometry-aware Hamiltonian variational auto-encoder (2020); Chadebec et
    al., Data augmentation in high dimensional low sample size setting using a geometry-based VAE, TPAMI (2022).
    """

    step_size: Annotated[float, Field(gt=0, lt=0.5)] = 0.01
    prior: SerializeAsAny[Prior] = MetricPrior()

    @model_validator(mode="after")
    def _check_prior(self) -> Self:
        if not isinstance(self.prior, MetricPrior):
            raise BlueprintError(
                f"A riemannian code moves by the metric of its prior, but the prior {self.prior.kind!r} has none. "
                "Set prior='metric', or use a hamiltonian code."
            )
        return self

    @property
    def _metric(self) -> MetricPrior:
        assert isinstance(self.prior, MetricPrior)
        return self.prior

    def features(self, code: Shape) -> Shape:
        """Means, log-variances, and the lower triangle of L."""
        return (2 * code[0] + factors_count(code[0]),)

    def start_of(self, features: Tensor) -> DiagonalGaussian:
        """The distribution of z₀."""
        return DiagonalGaussian.of(self._metric.parted(features)[0])

    def trajectory(self, z: Tensor, noise: Tensor, energy: Any, moves: Moves, model: Model) -> tuple[Tensor, Tensor]:
        """(N, D) starts and (N, D) standard normal numbers to the ends, and what log q gains, (N,)."""
        inverse, heat = self._metric.metric(model), moves.heat
        here = inverse(z)
        # G⁻¹ = C·Cᵀ, so C⁻ᵀ makes momenta with the covariance G
        triangle = triangle_of(here).transpose(1, 2)
        drawn = torch.linalg.solve_triangular(triangle, noise[..., None], upper=True)[..., 0]
        z, momentum = curved(z, drawn * heat**-0.5, energy, inverse, moves.sizes, self.steps, heat)
        # log N(ρ₀; 0, G) without the constant, which log N(ρ_K; 0, G) has as well
        constant = standard_log_prob(torch.zeros_like(noise))
        before = standard_log_prob(noise) - constant + 0.5 * log_determinant(here)
        return z, before + (kinetic(inverse(z), momentum) if self.steps else -before)
