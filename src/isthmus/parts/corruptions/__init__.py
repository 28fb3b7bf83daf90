"""Corruptions: damage that is applied to a clean sample before it is encoded."""

from isthmus.parts.corruptions.binarise import Binarise
from isthmus.parts.corruptions.colour import Grey
from isthmus.parts.corruptions.corruption import Corruption
from isthmus.parts.corruptions.hide import Hide
from isthmus.parts.corruptions.holes import Holes
from isthmus.parts.corruptions.identity import Identity
from isthmus.parts.corruptions.jpeg import Jpeg
from isthmus.parts.corruptions.noise import GaussianNoise, Masking, SaltAndPepper, Speckle
from isthmus.parts.corruptions.pairs import Pairs
from isthmus.parts.corruptions.patch_masking import PatchMasking
from isthmus.parts.corruptions.regions import Blur, Patch
from isthmus.parts.corruptions.shrink import Shrink
from isthmus.parts.corruptions.token_noise import TokenNoise
from isthmus.parts.corruptions.watermark import Watermark

__all__ = [
    "Binarise",
    "Blur",
    "Corruption",
    "GaussianNoise",
    "Grey",
    "Hide",
    "Holes",
    "Identity",
    "Jpeg",
    "Masking",
    "Pairs",
    "Patch",
    "PatchMasking",
    "SaltAndPepper",
    "Shrink",
    "Speckle",
    "TokenNoise",
    "Watermark",
]
