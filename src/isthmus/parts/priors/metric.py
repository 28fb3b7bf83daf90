"""The metric prior: a learnt metric of the latent space, and draws from where its volume is small."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.constants import constant
from isthmus.parts.gaussians import standard_log_prob
from isthmus.parts.model import Model, encoder_shape
from isthmus.parts.part import Shape
from isthmus.parts.priors.prior import Prior, check_encodes_alone, evenly_spread
from isthmus.parts.shared_batch import sharing
from isthmus.parts.trajectories import leapfrog, log_determinant, slope_of


class MetricPrior(Prior):
    r"""A standard normal in training, with a learnt metric of the latent space, for a `riemannian` code.

    :math:`G^{-1}(z) = \sum_k L_k L_k^\top e^{-\lVert z - c_k\rVert^2 / T^2} + \lambda I`. Its K centres c are the codes
    of reference samples, evenly spread over the training part, and L are factors that the encoder makes of them. The
    references stay; centres and factors change with the encoder.

    New codes are drawn from :math:`\sqrt{|G^{-1}(z)|}`, scaled to a density: from where codes of samples are. Each
    begins at a centre and takes `moves` Hamiltonian moves with a test that keeps this distribution. Its density has no
    formula, so likelihoods are those of the standard normal.

    references: K; the model keeps so many samples of the training part. temperature: T. floor: λ.
    moves, steps, step_size: of the draws.

    Source: Chadebec et al., Data augmentation in high dimensional low sample size setting using a geometry-based VAE,
    TPAMI (2022).
    """

    kind: ClassVar[str] = "metric"

    references: Annotated[int, Field(ge=1)] = 100
    temperature: Annotated[float, Field(gt=0)] = 1.5
    floor: Annotated[float, Field(gt=0)] = 0.01
    moves: Annotated[int, Field(ge=0)] = 20
    steps: Annotated[int, Field(ge=1)] = 10
    step_size: Annotated[float, Field(gt=0)] = 0.03

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the code makes no factors, or the encoder needs labels or a mask."""
        if not hasattr(model.code, "start_of"):
            raise BlueprintError(
                f"The prior 'metric' needs a code with factors of a metric, but a {model.code.kind} code has none. "
                "Use a riemannian code (recipe 'riemannian-vae')."
            )
        check_encodes_alone(model, "The prior 'metric' encodes reference samples", "use a hamiltonian code")

    def module(self, model: Model, generator: torch.Generator) -> nn.Module:
        """The references, random until `start_at` sets them to samples."""
        return References(torch.rand(self.references, *encoder_shape(model), generator=generator))

    def start_at(self, sample: Tensor, module: nn.Module) -> None:
        """Set the references to evenly spread samples."""
        module.get_buffer("values").copy_(sample[evenly_spread(len(sample), self.references)])

    def parted(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(N, features) of a riemannian code to (N, 2·D) of the posterior and (N, D, D) factors L, lower triangles."""
        count = features.shape[1]
        size = next(size for size in range(1, count) if 2 * size + factors_count(size) == count)
        normal, below = features.split((2 * size, factors_count(size)), 1)
        places = [factors_count(row) + column for row in range(size) for column in range(size)]
        factors = below[:, constant(tuple(place % below.shape[1] for place in places), below, torch.int64)]
        factors = factors.view(-1, size, size)  # above the diagonal stand numbers of no meaning
        return normal, factors.tril(-1) + torch.diag_embed(F.softplus(factors.diagonal(dim1=1, dim2=2)))

    def metric(self, model: Model) -> Callable[[Tensor], Tensor]:
        r"""The function from (N, D) codes to (N, D, D) :math:`G^{-1}`, with the centres of the encoder as it is."""
        values = model.module_of(self).get_buffer("values")
        with sharing(None):  # all processes have all references
            normal, factors = self.parted(model.encoder(values).to(values.dtype))
        centres, products = normal.chunk(2, 1)[0], factors @ factors.transpose(1, 2)
        floor = self.floor * torch.eye(centres.shape[1], dtype=centres.dtype, device=centres.device)

        def inverse(z: Tensor) -> Tensor:
            near = (-(z[:, None] - centres).square().sum(2) / self.temperature**2).exp()
            return (near @ products.flatten(1)).view(-1, *floor.shape) + floor

        return inverse

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, code) to (N,) nats of the standard normal, which training pulls the codes towards."""
        return standard_log_prob(z)

    def draw(self, count: int, code: Shape, generator: torch.Generator) -> dict[str, Tensor]:
        """For each code, where it begins, and of each move the momentum and the test's number."""
        device, moves = generator.device, self.moves
        return {
            "centre": torch.rand(count, generator=generator, device=device),
            "momentum": torch.randn(count, moves, *code, generator=generator, device=device),
            "test": torch.rand(count, moves, generator=generator, device=device),
        }

    def sample(self, draws: Any, model: Model) -> Tensor:
        """(N, code) codes."""
        inverse = self.metric(model)
        with torch.no_grad():
            encoded = model.encoder(model.module_of(self).get_buffer("values"))
            centres = self.parted(encoded.to(draws["centre"].dtype))[0].chunk(2, 1)[0]
        z = centres[(draws["centre"] * len(centres)).long().clamp(max=len(centres) - 1)]

        def energy(z: Tensor) -> Tensor:
            return -0.5 * log_determinant(inverse(z))

        for momentum, test in zip(draws["momentum"].unbind(1), draws["test"].unbind(1), strict=True):
            moved, after = leapfrog(z, momentum, slope_of(energy), self.step_size, self.steps)
            change = energy(moved) - energy(z) + 0.5 * (after.square() - momentum.square()).sum(1)
            z = torch.where((test.log() < -change)[:, None], moved, z)
        return z.detach()


class References(nn.Module):
    """values: (K, *encoder_shape), scaled; a buffer, because training leaves them as they are."""

    values: Tensor

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.register_buffer("values", values)


def factors_count(size: int) -> int:
    """The numbers of a lower triangle of so many rows."""
    return size * (size + 1) // 2
