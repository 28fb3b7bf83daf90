"""The Hamiltonian code: it is drawn as a gaussian code, and then moves to where the decoder explains the sample."""

from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.codes.code import CodeKind, check_flat
from isthmus.parts.codes.flowing import BentPosterior
from isthmus.parts.corruptions import Binarise, Identity
from isthmus.parts.forward_pass import Batch, Code, repeated
from isthmus.parts.gaussians import DiagonalGaussian, standard_log_prob
from isthmus.parts.model import Model, predicted
from isthmus.parts.part import Shape
from isthmus.parts.trajectories import leapfrog, slope_of

MOST = 0.5
"""The largest size of a step; a learnt one stays below it."""


class Hamiltonian(CodeKind):
    r"""A gaussian code z₀ with a random momentum, which moves by K leapfrog steps along the gradient of log p(x, z).

    So the posterior is better than the encoder alone can make it, without weights of its own: each step asks the
    decoder for the gradient. The moves keep volumes, and the bound counts the momenta before and after,
    :math:`\log q = \log q(z_0|x) + \log\mathcal N(\gamma; 0, I) - \log\mathcal N(\rho_K; 0, I)`. With 0 steps it is a
    VAE. Without draws, as in `encode`, the code is the mean of z₀.

    steps: K. A pass takes about K + 1 times as long in the decoder.
    step_size: of the leapfrog steps, at the start; below 0.5.
    heat: β₀, above 0 and up to 1. The momentum is :math:`\gamma / \sqrt{\beta_0}` and cools from step to step.
    learnt: whether the sizes (one for each latent dimension) and the heat are trained.
    draws: how many codes are drawn for each sample in a pass, K.

    Source: Caterini, Doucet & Sejdinovic, Hamiltonian variational auto-encoder, NeurIPS (2018), with fixed tempering.
    """

    steps: Annotated[int, Field(ge=0)] = 3
    step_size: Annotated[float, Field(gt=0, lt=MOST)] = 0.05
    heat: Annotated[float, Field(gt=0, le=1)] = 1.0
    learnt: bool = True
    draws: Annotated[int, Field(ge=1)] = 1

    drawn: ClassVar[bool] = False

    def check(self, code: Shape) -> None:
        """Raise BlueprintError unless the code is flat."""
        check_flat(code, f"A {self.kind} code", "16")

    def check_model(self, model: Model) -> None:
        """Raise BlueprintError if log p(x, z) has no gradient that belongs to a single sample."""
        if not model.distance.likelihood:
            raise BlueprintError(
                f"A {self.kind} code follows a likelihood's gradient, but {model.distance.kind} isn't a likelihood. "
                "Use a likelihood, such as 'bce' or 'gaussian'."
            )
        if not model.decodes or not isinstance(model.corruption, Identity | Binarise):
            raise BlueprintError(
                f"A {self.kind} code needs clean samples and a decoder that sees the code alone. Leave out the "
                "corruption and the skip connections, or use a gaussian code."
            )
        if any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in model.decoder.modules()):
            raise BlueprintError(
                f"Batch normalisation mixes the samples of a batch, so a {self.kind} code can't follow the gradient of "
                "one. Set normalisation='layer', or none."
            )

    def features(self, code: Shape) -> Shape:
        """Means and log-variances."""
        return (2 * code[0],)

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module | None:
        """The sizes of the steps, and the heat."""
        return Moves(code[0], self.step_size, self.heat, self.learnt)

    def draw(self, count: int, code: Shape, generator: torch.Generator, draws: int | None = None) -> Tensor:
        """(N, K, 2·code) standard normal numbers: of z₀, and of the momentum."""
        return torch.randn(count, draws or self.draws, 2 * code[0], generator=generator, device=generator.device)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, features), (N, K, 2·code) to the Code of z₀, which `moved` then moves."""
        normal = self.start_of(features)
        z = normal.mean if draws is None else normal.sample(draws.chunk(2, 2)[0])
        return Code(z, BentPosterior(normal.log_prob(z)))

    def start_of(self, features: Tensor) -> DiagonalGaussian:
        """The distribution of z₀."""
        return DiagonalGaussian.of(features)

    def moved(self, code: Code, batch: Batch, model: Model) -> Code:
        """The code at the end of its trajectory, with its log-density; unchanged in a pass without draws."""
        if "code" not in batch.draws:
            return code
        noise = batch.draws["code"].chunk(2, 2)[1].transpose(0, 1).flatten(0, 1)
        assert isinstance(model.code_module, Moves)
        with torch.autocast(code.z.device.type, enabled=False):  # energies in bfloat16 would be too coarse
            z, gained = self.trajectory(code.z, noise, energy_of(batch, model), model.code_module, model)
        return Code(z, BentPosterior(code.distribution.log_densities + gained))

    def trajectory(self, z: Tensor, noise: Tensor, energy: Any, moves: "Moves", model: Model) -> tuple[Tensor, Tensor]:
        """(N, D) starts and (N, D) standard normal numbers to the ends, and what log q gains, (N,)."""
        heat = moves.heat
        z, momentum = leapfrog(z, noise * heat**-0.5, slope_of(energy), moves.sizes, self.steps, heat)
        return z, standard_log_prob(noise) - standard_log_prob(momentum if self.steps else noise)


class Moves(nn.Module):
    """size: (D,) and start: (), the logits of the steps' sizes, as a share of `MOST`, and of the heat."""

    size: Tensor
    start: Tensor

    def __init__(self, dimensions: int, size: float, heat: float, learnt: bool) -> None:
        super().__init__()
        self.cools = heat < 1
        values = {"size": torch.full((dimensions,), size / MOST).logit()}
        values |= {"start": torch.tensor(heat).logit()} if self.cools else {}
        for name, value in values.items():
            if learnt:
                self.register_parameter(name, nn.Parameter(value))
            else:
                self.register_buffer(name, value)

    @property
    def sizes(self) -> Tensor:
        """(D,) the steps' sizes."""
        return MOST * self.size.sigmoid()

    @property
    def heat(self) -> Tensor | float:
        """β₀."""
        return self.start.sigmoid() if self.cools else 1.0


def energy_of(batch: Batch, model: Model) -> Any:
    r"""The function from codes (K·N, D) to (K·N,) energies :math:`-\log p(x|z) - \log p(z)` of a batch's samples."""

    def energy(z: Tensor) -> Tensor:
        times = z.shape[0] // batch.clean.shape[0]
        target = repeated(batch.clean, times)
        labels = None if batch.labels is None else repeated(batch.labels, times)
        mask = () if batch.observed is None else (repeated(batch.observed, times),)
        distances = model.distance(predicted(model, z, target, labels), target, *mask)
        return distances - model.code.prior.log_prob(z, model)

    return energy
