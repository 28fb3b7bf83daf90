"""The corruption that does nothing."""

from typing import Any, ClassVar

from torch import Tensor

from isthmus.parts.corruptions.corruption import Corruption


class Identity(Corruption):
    """The encoder's input is the clean samples."""

    damages: ClassVar[bool] = False
    cuttable: ClassVar[bool] = True

    def __call__(self, clean: Tensor, draws: Any = None) -> Tensor:
        """(N, *shape) unchanged."""
        return clean
