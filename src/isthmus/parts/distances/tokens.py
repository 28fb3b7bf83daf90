"""The distance for tokens: the negative log-probability of each token up to the end."""

from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances.distance import Distance
from isthmus.parts.part import Shape
from isthmus.special_tokens import END


class Tokens(Distance):
    r"""The cross-entropy of a sequence of tokens, :math:`-\sum_t \log p(x_t | x_{<t}, z)`, in nats.

    The decoder makes logits of all tokens for each place. The sum runs up to and including the first token 0, the end;
    what follows the end doesn't count. With a decoder that sees the tokens before each place, this is the exact
    negative log-probability of the sequence.

    tokens: the size of the vocabulary; decided from the data.

    Source: Bowman et al., Generating sentences from a continuous space, CoNLL (2016).
    """

    unit: ClassVar[str] = "nats"
    likelihood: ClassVar[bool] = True
    alike: ClassVar[bool] = False
    cuttable: ClassVar[bool] = True

    # narrower than the base's, which is sound for what is frozen
    link: Literal["auto", "identity"] = "identity"  # pyright: ignore[reportIncompatibleVariableOverride]
    tokens: Annotated[int, Field(ge=0)] = 0

    def resolve(self, spec: DataSpec) -> Self:
        """The same distance for this vocabulary."""
        return self.replace(link="identity", tokens=spec.tokens or self.tokens)

    def check(self, sample: Tensor) -> None:
        """Raise BlueprintError unless these are rows of tokens."""
        rows = sample.ndim == 2 and self.tokens > 1
        if not rows or not bool(((sample >= 0) & (sample < self.tokens) & (sample == sample.round())).all()):
            raise BlueprintError(
                f"The distance 'tokens' expects tokens of text or music, but these samples are numbers of shape "
                f"{tuple(sample.shape[1:])}. Give texts or notes, or use another distance, such as 'mse'."
            )

    def outputs(self, shape: Shape) -> Shape:
        """(tokens, T) for samples (T,)."""
        return (self.tokens, *shape)

    def outputs_picture(self, shape: Shape) -> bool:
        """Never: logits aren't tokens."""
        return False

    def picture(self, output: Tensor) -> Tensor:
        """(N, tokens, T) logits to (N, T): the most likely token of each place."""
        return output.argmax(1).to(output.dtype)

    def start(self, sample: Tensor) -> Tensor:
        """(tokens,) log-frequencies of the tokens of (n, T) samples."""
        counts = torch.bincount(sample[counted(sample)].long(), minlength=self.tokens).double()
        return ((counts + 1) / (counts + 1).sum()).log().float()

    def elements(self, output: Tensor, target: Tensor) -> Tensor:
        """(N, tokens, T), (N, T) to (N, T): nats, 0 after the end."""
        self._check_shapes(output, target)
        return torch.where(counted(target), _cross_entropy(output, target.long()), 0)


def _cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """(N, tokens, T), (N, T) to (N, T), over rows of logits as they lie in memory: a third faster than across them."""
    if torch.compiler.is_exporting():  # PyTorch's ONNX form of the cross-entropy can only sum it up
        return -output.log_softmax(1).gather(1, target[:, None])[:, 0]
    by_steps = output.permute(2, 0, 1)
    if by_steps.is_contiguous():  # as recurrent layers make them
        losses = F.cross_entropy(by_steps.flatten(0, 1), target.t().flatten(), reduction="none")
        return losses.view(by_steps.shape[:2]).t()
    losses = F.cross_entropy(output.transpose(1, 2).flatten(0, 1), target.flatten(), reduction="none")
    return losses.view(target.shape)


def counted(tokens: Tensor) -> Tensor:
    """(N, T) True up to and including each row's first token 0, its end."""
    ended = (tokens == END).cumsum(1)
    return (ended == 0) | ((ended == 1) & (tokens == END))
