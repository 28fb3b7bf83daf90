"""Sections: what each use of a model has to show in its report."""

from collections.abc import Callable

from isthmus.drawing.plates import Section
from isthmus.trained import TrainedModel
from isthmus.uses import blend, detect, map, restore, sample, traverse

SECTIONS: tuple[Callable[[TrainedModel], Section | None], ...] = (
    restore.section,
    blend.section,
    traverse.section,
    map.section,
    sample.section,
    detect.section,
)
"""Each makes its section of a run's report, or nothing where the model can't be used that way. In the page's order."""
