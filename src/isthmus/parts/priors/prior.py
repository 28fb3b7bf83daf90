"""The base of all priors: a distribution of codes, with a density and draws."""

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.forward_pass import Pass, map_tensors
from isthmus.parts.model import Model, zeros
from isthmus.parts.part import Part, Shape


class Prior(Part):
    """The distribution p(z): training pulls codes towards it, and new codes are drawn from it.

    A prior may have its own weights (`module`), which are trained with the model's. It can use other parts of the
    model: a mixture of posteriors uses the encoder.

    compiles: whether a training step with this prior can be compiled or captured.
    over_batch: whether its density in training depends on the whole batch (see `Penalty.over_batch`).
    afterwards: for a prior that is fitted after training (`learn`), to the "means" of the codes of the training part,
        or to "draws" of them. Its weights are then buffers of its module, which training doesn't move.
    """

    compiles: ClassVar[bool] = True
    over_batch: ClassVar[bool] = False
    afterwards: ClassVar[Literal["", "means", "draws"]] = ""

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the prior doesn't fit the model; called once, when the model is built."""

    def module(self, model: Model, generator: torch.Generator) -> nn.Module | None:
        """The module with the prior's own weights, if it has any; `model.module_of(self)` returns it."""
        return None

    def start_at(self, sample: Tensor, module: nn.Module) -> None:
        """Set the first weights from (n, *encoder_shape) scaled samples, in the form of the encoder's input."""

    def learn(self, codes: Tensor, module: nn.Module, generator: torch.Generator) -> None:
        """Fit the module's buffers to (N, *code) codes of the training part, after training (see `afterwards`)."""

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, *code) to (N,) log-densities, in nats."""
        raise NotImplementedError

    def of_pass(self, out: Pass, model: Model) -> Tensor:
        """(K·N,) log-densities of a pass's codes, in nats; in training, a prior may estimate them from the batch."""
        return self.log_prob(out.code.z, model)

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


def check_encodes_alone(model: Model, does: str, instead: str) -> None:
    """Raise BlueprintError unless the encoder takes samples alone. does, instead: of the prior, for the message."""
    if model.conditioning.classes or model.conditioning.mask:
        raise BlueprintError(
            f"{does}, but this encoder also needs labels or a mask. Leave out the condition and missing='mask', or "
            f"{instead}."
        )


def evenly_spread(count: int, most: int) -> Tensor:
    """(most,) rows of `count`, from the first to the last."""
    return torch.linspace(0, count - 1, most).round().long()
