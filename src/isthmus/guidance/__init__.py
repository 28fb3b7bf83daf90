"""Guidance: which recipe to take for a purpose and data, from the survey of all recipes."""

from isthmus.guidance.advice import Advice, Choice, every_advice, recommend
from isthmus.guidance.kinds import KINDS, Kind
from isthmus.guidance.measured import Measurements, measurements
from isthmus.guidance.purposes import PURPOSES, Purpose, Way

__all__ = [
    "KINDS",
    "PURPOSES",
    "Advice",
    "Choice",
    "Kind",
    "Measurements",
    "Purpose",
    "Way",
    "every_advice",
    "measurements",
    "recommend",
]
