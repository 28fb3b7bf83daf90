"""Codes of bits: signs that need no book, and the addresses of semantic hashing."""

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field, SerializeAsAny
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.codes.code import CodeKind
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Code
from isthmus.parts.part import Shape
from isthmus.parts.priors import Prior, Uniform
from isthmus.parts.symbols import BitPosterior
from isthmus.parts.vectors import laid_out, on_grid, vectors_for, vectors_of


class _Bits(CodeKind):
    """Each number is one of two values, by its feature's sign; `length` of them are one index, the first the lowest.

    length: bits of an index; a smaller code is one index. A flat code is cut into vectors of so many bits; a code
        (C, H, W) has C / length vectors at each position.
    """

    differentiable: ClassVar[bool] = False
    binary: ClassVar[bool] = True
    low: ClassVar[float]

    length: Annotated[int, Field(ge=1, le=24)] = 8

    @property
    def range(self) -> tuple[float, float]:
        """The two values."""
        return self.low, 1.0

    def _size(self, spec: DataSpec) -> int:
        """The size with enough vectors for about four bits for each of the data's dimensions."""
        return self.length * vectors_for(spec, self.length, max(1, self.most // self.length))

    def check(self, code: Shape) -> None:
        """Raise BlueprintError if the code can't be cut into whole vectors."""
        if code[0] % self._length(code):
            raise BlueprintError(
                f"A code of {code[0]} bits can't be cut into vectors of length={self.length}. "
                f"Use a multiple of {self.length} as the size of the code, or a divisor of {code[0]} as the length."
            )

    def symbols(self, code: Shape) -> int:
        """How many values an index has."""
        return 2 ** self._length(code)

    def places(self, code: Shape) -> Shape:
        """(*grid, vectors a position)."""
        return (*code[1:], code[0] // self._length(code))

    def from_indices(self, indices: Tensor, code: Shape, module: nn.Module | None) -> Tensor:
        """The (N, *code) codes, float64, of (N, …) indices."""
        each = indices.reshape(len(indices), -1, 1)
        bits = (each >> torch.arange(self._length(code), device=each.device)) & 1
        return laid_out(self.low + (1 - self.low) * bits.double(), code)

    def _length(self, code: Shape) -> int:
        return min(self.length, code[0])

    def _chosen(self, features: Tensor, soft: Tensor) -> tuple[Tensor, Tensor]:
        """Z by the features' signs, with the gradient of `soft`, and its indices."""
        on = features > 0
        z = torch.where(on, 1.0, self.low).to(soft.dtype) + (soft - soft.detach())
        vectors = vectors_of(on, self._length(tuple(features.shape[1:])))
        worth = 2 ** torch.arange(vectors.shape[2], device=vectors.device)
        return z, on_grid((vectors * worth).sum(2, keepdim=True), features)

    def _posterior(self, logits: Tensor) -> BitPosterior:
        return BitPosterior(vectors_of(logits, self._length(tuple(logits.shape[1:]))))


class Lfq(_Bits):
    r"""Lookup-free quantisation: each number is its feature's sign, :math:`z = \operatorname{sign}(f)`.

    A vector of `length` signs is one of :math:`2^{\text{length}}` entries, without a book. The gradient passes straight
    through, and the loss gains the commitment :math:`\beta\,\overline{(f - \mathrm{sg}[z])^2}`. The `code-entropy`
    penalty makes the choice of an entry certain for each vector and all entries equally frequent; its probabilities are
    :math:`q(z_j = 1) = \operatorname{sigmoid}(4 f_j / \tau)`, a softmax of the squared distances to the entries
    (`Code.soft`).

    commitment: the weight β. Signs can't come to meet the features, as a book's entries do, so that a weight as in `vq`
        would hold each feature where it starts. temperature: τ.

    Source: Yu et al., Language model beats diffusion: tokenizer is key to visual generation (MAGVIT-2), ICLR (2024).
    """

    low: ClassVar[float] = -1.0

    commitment: Annotated[float, Field(ge=0)] = 0.01
    temperature: Annotated[float, Field(gt=0)] = 1.0

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """The Code of (N, C, *grid), in the same shape, with indices (N, *grid, C / length)."""
        z, indices = self._chosen(features, features)
        loss = self.commitment * (features - z.detach()).square().flatten(1).mean(1)
        return Code(z, indices=indices, loss=loss, soft=self._posterior(features * (4 / self.temperature)))


class Hash(_Bits):
    r"""Semantic hashing: bits that are noisy in training, so that a sample's bits are its address among all samples.

    form: "bernoulli" draws each bit, :math:`z_j \sim \operatorname{Ber}(\operatorname{sigmoid} f_j)`, and passes the
        probability's gradient straight through. "logistic" adds normal noise before the logistic function,
        :math:`z_j = \operatorname{sigmoid}(f_j + \sigma\varepsilon)`: only features far from 0 get through, so z
        becomes nearly binary. After training both give bits, :math:`f_j > 0` without draws.
    sigma: σ of the noise before the logistic function.
    draws: how many codes are drawn for each sample in a pass.

    The posterior of independent bits is `Code.distribution`; its KL to fair bits has a closed form.

    Source: Salakhutdinov & Hinton, Semantic hashing, Int. J. Approximate Reasoning 50 (2009), for the noise before the
    logistic function (there with σ = 4); Bengio, Léonard & Courville, Estimating or propagating gradients through
    stochastic neurons (2013), for the straight-through gradient.
    """

    low: ClassVar[float] = 0.0

    form: Literal["bernoulli", "logistic"] = "bernoulli"
    sigma: Annotated[float, Field(gt=0)] = 4.0
    draws: Annotated[int, Field(ge=1)] = 1
    prior: SerializeAsAny[Prior] = Uniform()

    @property
    def relaxed(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride] here it depends on the fields
        """Whether the decoder gets numbers between the bits in training."""
        return self.form == "logistic"

    def module(self, code: Shape, generator: torch.Generator) -> nn.Module:
        """A module without weights, whose mode distinguishes training from evaluation."""
        return nn.Module()

    def draw(self, count: int, code: Shape, generator: torch.Generator, draws: int | None = None) -> Tensor:
        """(N, K, *code) standard logistic numbers, or standard normal ones for logistic noise."""
        size = (count, draws or self.draws, *code)
        if self.form == "logistic":
            return torch.randn(size, generator=generator, device=generator.device)
        tiny = torch.finfo(torch.float32).eps / 2
        return torch.rand(size, generator=generator, device=generator.device).clamp(tiny, 1 - tiny).logit()

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, C, *grid), (N, K, C, *grid) to the Code of K draws, with its posterior and indices."""
        noisy, soft = features, features.sigmoid()
        if draws is not None:
            spread = self.sigma if self.form == "logistic" else 1.0
            noisy = (features[:, None] + spread * draws).transpose(0, 1).flatten(0, 1)
            soft = soft.repeat(draws.shape[1], *[1] * (soft.ndim - 1))
        z, indices = self._chosen(noisy, noisy.sigmoid() if self.form == "logistic" else soft)
        if self.relaxed and draws is not None and (module is None or module.training):
            z = noisy.sigmoid()
        return Code(z, self._posterior(features), indices)
