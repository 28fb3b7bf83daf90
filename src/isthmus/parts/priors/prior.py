"""What every prior is: a distribution of codes, with a density and draws."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from isthmus.parts.model import Model
from isthmus.parts.part import Part, Shape


class Prior(Part):
    """The distribution p(z) that codes are drawn towards in training, and from which new ones are drawn afterwards.

    A prior may have weights of its own (`module`), which learn with the model's. It asks the model for what else it
    needs: a mixture of posteriors asks for the encoder.

    compiles: whether a step with it can be compiled or captured.
    """

    compiles: ClassVar[bool] = True

    def check(self, model: Model) -> None:
        """Raise BlueprintError where the model hasn't what the prior needs; asked once, when it is built."""

    def module(self, model: Model, generator: torch.Generator) -> nn.Module | None:
        """The weights of its own, where it has any; `model.module_of(self)` finds them."""
        return None

    def start_at(self, sample: Tensor, module: nn.Module) -> None:
        """Let the weights begin at what suits these (n, *encoder_shape) scaled samples, as the encoder gets them."""

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, *code) to (N,) log-densities, in nats."""
        raise NotImplementedError

    def draw(self, count: int, code: Shape, generator: torch.Generator) -> Any:
        """The random numbers for `count` codes: a tensor, N first, or several by name."""
        return torch.randn(count, *code, generator=generator)

    def sample(self, draws: Any, model: Model) -> Tensor:
        """What `draw` made, on the model's device, to (N, *code)."""
        raise NotImplementedError

    def kl(self, posterior: Any) -> Tensor | None:
        """(N, *code) KL divergence of each latent dimension to the prior, in nats; None without a closed form."""
        return None
