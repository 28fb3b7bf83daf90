"""Corruptions: what is done to a clean sample before the encoder sees it."""

from isthmus.parts.corruptions.corruption import Corruption
from isthmus.parts.corruptions.hide import Hide
from isthmus.parts.corruptions.jpeg import Jpeg
from isthmus.parts.corruptions.noise import GaussianNoise, Masking, SaltAndPepper, Speckle
from isthmus.parts.corruptions.regions import Blur, Patch

__all__ = ["Blur", "Corruption", "GaussianNoise", "Hide", "Jpeg", "Masking", "Patch", "SaltAndPepper", "Speckle"]
