"""The meaning of the decoder's output: the sample itself, or a residual that is added to the encoder's input."""

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

    aligned: whether the encoder's input has the clean sample's layout (`Corruption.as_clean`), as networks with
        positions need it; a blueprint sets it.

    decodes: whether the code alone can be decoded.
    """

    decodes: ClassVar[bool] = True

    aligned: bool = False

    @classmethod
    def _adapted(cls, value: Any) -> Any:
        """Translate "correction", the name that earlier versions used for a residual."""
        return "residual" if isinstance(value, str) and value == "correction" else value

    def check(self, shape: Shape, corruption: Corruption, distance: Distance) -> None:
        """Raise BlueprintError if the decoder's output can't have this meaning."""

    def laid_out(self, values: Tensor, shape: Shape, corruption: Corruption) -> Tensor:
        """(N, *input_shape) in the encoder's layout: unchanged, or (N, *shape)."""
        return corruption.as_clean(values, shape) if self.aligned else values

    def complete(self, output: Tensor, given: Corrupted, corruption: Corruption) -> Tensor:
        """The model's output from the decoder's, (K·N, *outputs)."""
        raise NotImplementedError


class PredictsSample(Output):
    """The decoder's output is the sample."""

    kind: ClassVar[str] = "sample"

    def complete(self, output: Tensor, given: Corrupted, corruption: Corruption) -> Tensor:
        """(K·N, *outputs) unchanged."""
        return output


class PredictsResidual(Output):
    """The decoder's output is added to the encoder's input, without changing numbers that the input already knows.

    The output then depends on more than the code, so the code alone can't be decoded.

    Source: Zhang et al., Beyond a Gaussian denoiser, IEEE Trans. Image Processing 26 (2017).
    """

    kind: ClassVar[str] = "residual"
    decodes: ClassVar[bool] = False

    def check(self, shape: Shape, corruption: Corruption, distance: Distance) -> None:
        """Raise BlueprintError if the input can't be added to the decoder's output."""
        if not distance.outputs_picture(shape):
            raise BlueprintError(
                f"predicts='residual' needs a decoder whose output is the sample itself, but {distance} transforms the "
                "output. Use distance='mse' with link='identity', or predicts='sample'."
            )
        corruption.as_clean(torch.zeros(1, *corruption.shape(shape)), shape)

    def complete(self, output: Tensor, given: Corrupted, corruption: Corruption) -> Tensor:
        """(K·N, *shape): the decoder's output plus the input."""
        base, observed = corruption.as_clean(given.values, tuple(output.shape[1:])), given.observed
        again = (output.shape[0] // max(1, base.shape[0]), *[1] * (base.ndim - 1))
        output = corruption.project(output, None if observed is None else observed.repeat(again))
        return output + base.repeat(again)
