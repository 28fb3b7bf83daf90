"""A target: valid files, how they are damaged, and what reads them."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from fuzz.mutations import Random


class Target(ABC):
    """One kind of input. It lives in a folder of its own, which is made once.

    strict: whether a damaged input that is accepted must be as good as the undamaged one, since a checksum covers it.
    """

    name: str
    strict = False

    @abstractmethod
    def make(self, folder: Path) -> None:
        """Write valid files into an empty folder."""

    @abstractmethod
    def damage(self, folder: Path, random: Random) -> None:
        """Damage them, as the generator decides."""

    @abstractmethod
    def use(self, folder: Path) -> Any:
        """Read and use them; what came of it, to be compared by its `repr`.

        Raises:
            IsthmusError: they are refused.
        """

    @abstractmethod
    def restore(self, folder: Path) -> None:
        """Undo the damage."""
