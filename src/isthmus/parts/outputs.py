"""What the decoder's output means: the sample itself, or a correction to the encoder's input."""

import math
from typing import Any, ClassVar

import torch
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.corruptions import Corruption
from isthmus.parts.distances import Distance
from isthmus.parts.forward_pass import Corrupted
from isthmus.parts.part import Part, Shape


class Output(Part):
    """How the decoder's output becomes the reconstruction.

    aligned: whether the encoder gets its input laid out as the clean sample is (`Corruption.as_clean`), which networks
        with positions want; a blueprint sees to it.

    decodes: whether the code alone can be decoded.
    """

    decodes: ClassVar[bool] = True

    aligned: bool = False

    @classmethod
    def _adapted(cls, value: Any) -> Any:
        """The word that versions before this one had for a residual."""
        return "residual" if isinstance(value, str) and value == "correction" else value

    def check(self, shape: Shape, corruption: Corruption, distance: Distance) -> None:
        """Raise BlueprintError where the decoder's output can't have this meaning."""

    def laid_out(self, values: Tensor, shape: Shape, corruption: Corruption) -> Tensor:
        """(N, *input_shape) as the encoder wants it: as it is, or (N, *shape)."""
        return corruption.as_clean(values, shape) if self.aligned else values

    def complete(self, output: Tensor, given: Corrupted, corruption: Corruption) -> Tensor:
        """(K·N, *outputs) of the decoder to that of the model."""
        raise NotImplementedError


class PredictsSample(Output):
    """The decoder makes the sample."""

    kind: ClassVar[str] = "sample"

    def complete(self, output: Tensor, given: Corrupted, corruption: Corruption) -> Tensor:
        """(K·N, *outputs) as it is."""
        return output


class PredictsResidual(Output):
    """The decoder makes what is added to the encoder's input, as far as that doesn't contradict the input.

    The decoder then sees more than the code, so the code alone can't be decoded.

    Source: Zhang et al., Beyond a Gaussian denoiser, IEEE Trans. Image Processing 26 (2017).
    """

    kind: ClassVar[str] = "residual"
    decodes: ClassVar[bool] = False

    def check(self, shape: Shape, corruption: Corruption, distance: Distance) -> None:
        """Raise BlueprintError where the input can't be added to the decoder's output."""
        output = torch.linspace(-2, 2, math.prod(shape)).view(1, *shape)
        if distance.outputs(shape) != shape or not torch.equal(distance.picture(output), output):
            raise BlueprintError(
                f"predicts='residual' needs a decoder whose output is the picture itself, but that of {distance} "
                "is not. Use distance='mse' with link='identity', or predicts='sample'."
            )
        corruption.as_clean(torch.zeros(1, *corruption.shape(shape)), shape)

    def complete(self, output: Tensor, given: Corrupted, corruption: Corruption) -> Tensor:
        """(K·N, *shape) with the input added."""
        base, observed = corruption.as_clean(given.values, tuple(output.shape[1:])), given.observed
        again = (output.shape[0] // max(1, base.shape[0]), *[1] * (base.ndim - 1))
        output = corruption.project(output, None if observed is None else observed.repeat(again))
        return output + base.repeat(again)
