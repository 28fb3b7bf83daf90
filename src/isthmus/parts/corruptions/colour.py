"""The corruption that removes colour: a grey picture from red, green and blue."""

from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.constants import constant
from isthmus.parts.corruptions.corruption import Corruption
from isthmus.parts.part import Shape

BRIGHTNESS = (0.299, 0.587, 0.114)
"""The weights of red, green and blue in grey: Rec. ITU-R BT.601, as programs convert picture files."""


class Grey(Corruption):
    """The brightness of a colour picture, one channel instead of three. It uses no random numbers.

    A model that predicts the residual adds only colour: the brightness stays the same.

    Source: Rec. ITU-R BT.601; as a task, Zhang, Isola & Efros, Colorful image colorization, ECCV (2016).
    """

    def check(self, clean: Shape) -> None:
        """Raise BlueprintError unless the samples are pictures of three colours."""
        if len(clean) != 3 or clean[0] != 3:
            raise BlueprintError(
                f"The corruption 'grey' needs colour pictures of shape (3, H, W), but the samples have shape {clean}. "
                "Give colour pictures (mode='RGB')."
            )

    def shape(self, clean: Shape) -> Shape:
        """(1, H, W)."""
        return (1, *clean[1:])

    def as_clean(self, corrupted: Tensor, clean: Shape) -> Tensor:
        """(N, 1, H, W) to (N, 3, H, W): the same grey in every colour."""
        return corrupted.expand(-1, clean[0], -1, -1)

    def project(self, correction: Tensor, observed: Tensor | None) -> Tensor:
        """The residual without its brightness, so that the picture keeps the input's brightness."""
        return correction - self(correction)

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, 3, H, W) to (N, 1, H, W)."""
        return brightness(clean)


def brightness(colours: Tensor) -> Tensor:
    """(…, 3, H, W) to (…, 1, H, W)."""
    weights = constant(BRIGHTNESS, colours)
    return (colours * weights.view(3, 1, 1)).sum(-3, keepdim=True)
