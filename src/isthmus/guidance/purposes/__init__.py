"""The purposes: one row each, with the words that find it and the recipes for each kind of data."""

from collections.abc import Mapping
from types import MappingProxyType

from isthmus.guidance.purposes import coding, judging, making, repairing, understanding
from isthmus.guidance.purposes.purpose import Purpose, Way

PURPOSES: Mapping[str, Purpose] = MappingProxyType(
    {one.name: one for group in (judging, repairing, coding, making, understanding) for one in group.ROWS}
)

__all__ = ["PURPOSES", "Purpose", "Way"]
