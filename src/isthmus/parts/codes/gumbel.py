"""The categorical code of a discrete VAE: variables of a few values, relaxed so that gradients pass."""

import math
from typing import Annotated, ClassVar, Self

import torch
from pydantic import Field, SerializeAsAny, model_validator
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.codes.code import CodeKind
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Code
from isthmus.parts.part import Shape
from isthmus.parts.priors import Prior, Uniform
from isthmus.parts.symbols import SymbolPosterior, drawn_symbols
from isthmus.parts.vectors import laid_out, on_grid, vectors_for, vectors_of


class Gumbel(CodeKind):
    r"""Categorical variables, relaxed in training: :math:`z_v = \operatorname{softmax}((l_v + g_v) / \tau)`.

    l are the encoder's features, a logit for each value of each variable, and g are Gumbel numbers, so that the largest
    of l + g is an exact draw. The lower the temperature τ, the closer z is to the one-hot vector of that draw. After
    training, z is one-hot: the draw if there are draws, else the most likely value. The posterior is
    `Code.distribution`, and its KL to the uniform prior has a closed form.

    entries: the number of values of a variable; a smaller code is one variable. A flat code is cut into variables; a
        code (C, H, W) has C / entries variables at each position.
    temperature: τ in the first step. last_temperature: τ after `cooling` epochs; between them, log τ is linear.
    cooling: 0 keeps the first temperature.
    straight_through: whether the decoder gets one-hot vectors in training too; the gradient is then that of the relaxed
        code.
    draws: how many codes are drawn for each sample in a pass.

    Source: Jang, Gu & Poole, Categorical reparameterization with Gumbel-softmax, ICLR (2017); Maddison, Mnih & Teh,
    The concrete distribution, ICLR (2017).
    """

    differentiable: ClassVar[bool] = False

    entries: Annotated[int, Field(ge=2)] = 16
    temperature: Annotated[float, Field(gt=0)] = 1.0
    last_temperature: Annotated[float, Field(gt=0)] = 0.5
    cooling: Annotated[float, Field(ge=0)] = 10.0
    straight_through: bool = False
    draws: Annotated[int, Field(ge=1)] = 1
    prior: SerializeAsAny[Prior] = Uniform()

    @model_validator(mode="after")
    def _check_temperatures(self) -> Self:
        if self.last_temperature > self.temperature:
            raise BlueprintError(
                f"last_temperature={self.last_temperature:g} is above temperature={self.temperature:g}, but the code "
                "cools. Set a lower last_temperature, or a higher temperature."
            )
        return self

    @property
    def scheduled(self) -> bool:
        """Whether τ falls."""
        return self.cooling > 0 and self.last_temperature < self.temperature

    @property
    def relaxed(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride] here it depends on the fields
        """Whether the decoder gets softmaxes in training."""
        return not self.straight_through

    @property
    def range(self) -> tuple[float, float]:
        """Of one-hot vectors."""
        return 0.0, 1.0

    def _size(self, spec: DataSpec) -> int:
        """The size with enough variables for about four bits for each of the data's dimensions."""
        return self.entries * vectors_for(spec, math.log2(self.entries), max(1, self.most // self.entries))

    def check(self, code: Shape) -> None:
        """Raise BlueprintError if the code can't be cut into whole variables."""
        if code[0] % self.symbols(code) or code[0] < 2:
            raise BlueprintError(
                f"A code of {code[0]} numbers can't be cut into variables of entries={self.entries}. "
                f"Use a multiple of {self.entries} as the size of the code, or a divisor of {code[0]} as entries."
            )

    def symbols(self, code: Shape) -> int:
        """How many values a variable has."""
        return min(self.entries, code[0])

    def places(self, code: Shape) -> Shape:
        """(*grid, variables a position)."""
        return (*code[1:], code[0] // self.symbols(code))

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module:
        """A module without weights, whose mode distinguishes training from evaluation."""
        return nn.Module()

    def draw(self, count: int, code: Shape, generator: torch.Generator, draws: int | None = None) -> Tensor:
        """(N, K, variables, entries) standard Gumbel numbers."""
        size = (count, draws or self.draws, math.prod(self.places(code)), self.symbols(code))
        waits = torch.empty(size, device=generator.device).exponential_(generator=generator)
        return -waits.clamp(min=torch.finfo(waits.dtype).tiny).log()

    def during(
        self, epochs: Tensor | None, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None
    ) -> Code:
        """The Code after (N,) epochs of training."""
        return self._code(features, draws, module, self.temperature_at(epochs))

    def temperature_at(self, epochs: Tensor | None) -> Tensor | float:
        """τ after (N,) epochs; after training, the last."""
        if not self.scheduled:
            return self.temperature
        if epochs is None:
            return self.last_temperature
        ratio = math.log(self.last_temperature / self.temperature)
        return self.temperature * ((epochs[0] / self.cooling).clamp(max=1) * ratio).exp()

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, C, *grid), (N, K, variables, entries) to the Code of K draws, with its posterior and indices."""
        return self._code(features, draws, module, self.temperature_at(None))

    def _code(
        self, features: Tensor, draws: Tensor | None, module: nn.Module | None, temperature: Tensor | float
    ) -> Code:
        shape = tuple(features.shape[1:])
        logits = vectors_of(features, self.symbols(shape))
        if draws is None:
            noisy, soft = logits, (logits / temperature).softmax(2)
        else:
            noisy, soft = drawn_symbols(logits, draws, temperature)
        indices = noisy.argmax(2, keepdim=True)
        relaxed = draws is not None and self.relaxed and (module is None or module.training)
        if not relaxed:  # the value is one-hot exactly, the gradient is the relaxed code's
            hot = (indices == torch.arange(logits.shape[2], device=indices.device)).to(soft.dtype)
            soft = hot + (soft - soft.detach())
        z = laid_out(soft, shape)
        return Code(z, SymbolPosterior(logits), on_grid(indices, z))

    def from_indices(self, indices: Tensor, code: Shape, module: nn.Module | None) -> Tensor:
        """The (N, *code) one-hot codes, float64, of (N, …) indices."""
        each = indices.reshape(len(indices), -1, 1)
        return laid_out((each == torch.arange(self.symbols(code), device=each.device)).double(), code)
