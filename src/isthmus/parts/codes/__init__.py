"""The codes: how the encoder's features become the decoder's input."""

from isthmus.parts.codes.code import CodeKind
from isthmus.parts.codes.flowing import Iaf, Planar
from isthmus.parts.codes.gaussian import GaussianCode
from isthmus.parts.codes.hyperspherical import Hyperspherical
from isthmus.parts.codes.ladder import Ladder
from isthmus.parts.codes.plain import Plain
from isthmus.parts.codes.quantised import Fsq, Rvq, Vq
from isthmus.parts.codes.rounded import Rounded
from isthmus.parts.codes.top_k import TopK
from isthmus.parts.forward_pass import Code

__all__ = [
    "Code",
    "CodeKind",
    "Fsq",
    "GaussianCode",
    "Hyperspherical",
    "Iaf",
    "Ladder",
    "Plain",
    "Planar",
    "Rounded",
    "Rvq",
    "TopK",
    "Vq",
]
