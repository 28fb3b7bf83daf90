"""Options: every choice of reading, dividing, training and comparing, defined once. Nothing here needs PyTorch.

The fields of the classes below say each option's name, type, bounds and default, and an `Option` in the field's
annotation says the rest. Python's models, the command line and the tables of the documentation are made from them.
"""

from isthmus.options.division import DivisionOptions
from isthmus.options.option import Defined, Option, described, options_of
from isthmus.options.reading import ReadingOptions
from isthmus.options.study import StudyOptions
from isthmus.options.training import TrainingOptions

__all__ = [
    "Defined",
    "DivisionOptions",
    "Option",
    "ReadingOptions",
    "StudyOptions",
    "TrainingOptions",
    "described",
    "options_of",
]
