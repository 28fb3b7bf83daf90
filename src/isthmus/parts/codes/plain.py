"""The plain code: the features themselves."""

from torch import Tensor, nn

from isthmus.parts.codes.code import CodeKind
from isthmus.parts.forward_pass import Code
from isthmus.parts.layers import ACTIVATIONS, Activation


class Plain(CodeKind):
    r"""The features themselves, through an activation: :math:`z = \sigma(f(x))`.

    The code can have any size: undercomplete (smaller than the data), complete, or overcomplete (larger). With an
    overcomplete code the model can learn to copy, unless a penalty or a corruption prevents it.

    activation: the lectures use "relu"; "identity" keeps the features unchanged.
    """

    activation: Activation = "identity"

    @property
    def range(self) -> tuple[float, float] | None:
        """The bounds of the activation."""
        return {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}.get(self.activation)

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        """(N, *code) to the Code whose z is the activated features."""
        return Code(z=ACTIVATIONS[self.activation]()(features))
