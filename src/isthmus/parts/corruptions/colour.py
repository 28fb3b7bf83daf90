"""Colour taken away: what a grey picture keeps of red, green and blue."""

import torch
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.corruptions.corruption import Corruption
from isthmus.parts.part import Shape

BRIGHTNESS = (0.299, 0.587, 0.114)
"""How much red, green and blue add to grey: Rec. ITU-R BT.601, as picture files are converted."""


class Grey(Corruption):
    """The brightness of a colour picture, one channel in the place of three. Nothing is drawn.

    A model that learns the correction adds colours alone: the brightness stays what it was.

    Source: Rec. ITU-R BT.601; as a task, Zhang, Isola & Efros, Colorful image colorization, ECCV (2016).
    """

    def check(self, clean: Shape) -> None:
        """Raise BlueprintError unless the samples are pictures of three colours."""
        if len(clean) != 3 or clean[0] != 3:
            raise BlueprintError(
                f"The corruption 'grey' takes the colour from pictures of shape (3, H, W), got samples of shape "
                f"{clean}. Give colour pictures (mode='RGB')."
            )

    def shape(self, clean: Shape) -> Shape:
        """(1, H, W)."""
        return (1, *clean[1:])

    def as_clean(self, corrupted: Tensor, clean: Shape) -> Tensor:
        """(N, 1, H, W) to (N, 3, H, W): the same grey in every colour."""
        return corrupted.expand(-1, clean[0], -1, -1)

    def project(self, correction: Tensor, observed: Tensor | None) -> Tensor:
        """The correction without its own brightness, so that the picture keeps the one that came in."""
        return correction - self(correction)

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, 3, H, W) to (N, 1, H, W)."""
        return brightness(clean)


def brightness(colours: Tensor) -> Tensor:
    """(…, 3, H, W) to (…, 1, H, W)."""
    weights = torch.tensor(BRIGHTNESS, dtype=colours.dtype, device=colours.device)
    return (colours * weights.view(3, 1, 1)).sum(-3, keepdim=True)
