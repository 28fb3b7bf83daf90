"""The base of all priors: a distribution of codes, with a density and draws."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from isthmus.parts.forward_pass import map_tensors
from isthmus.parts.model import Model, zeros
from isthmus.parts.part import Part, Shape


class Prior(Part):
    """The distribution p(z): training pulls codes towards it, and new codes are drawn from it.

    A prior may have its own weights (`module`), which are trained with the model's. It can use other parts of the
    model: a mixture of posteriors uses the encoder.

    compiles: whether a training step with this prior can be compiled or captured.
    """

    compiles: ClassVar[bool] = True

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the prior doesn't fit the model; called once, when the model is built."""

    def module(self, model: Model, generator: torch.Generator) -> nn.Module | None:
        """The module with the prior's own weights, if it has any; `model.module_of(self)` returns it."""
        return None

    def start_at(self, sample: Tensor, module: nn.Module) -> None:
        """Set the first weights from (n, *encoder_shape) scaled samples, in the form of the encoder's input."""

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, *code) to (N,) log-densities, in nats."""
        raise NotImplementedError

    def draw(self, count: int, code: Shape, generator: torch.Generator) -> Any:
        """The random numbers for `count` codes: one tensor, N first, or several by name."""
        return torch.randn(count, *code, generator=generator, device=generator.device)

    def sample(self, draws: Any, model: Model) -> Tensor:
        """(N, *code) codes from the random numbers of `draw`, which are on the model's device."""
        raise NotImplementedError

    def new(self, count: int, model: Model, generator: torch.Generator) -> Tensor:
        """(N, *code) codes drawn with this generator, on the model's device."""
        like = zeros(model, ())
        draws = self.draw(count, model.code_shape, generator)
        return self.sample(map_tensors(lambda x: x.to(like.device, like.dtype), draws), model)

    def kl(self, posterior: Any) -> Tensor | None:
        """(N, *code) KL divergence of each latent dimension to the prior, in nats; None without a closed form."""
        return None
