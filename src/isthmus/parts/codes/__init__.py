"""The codes: how the encoder's features become the decoder's input."""

from isthmus.parts.codes.bits import Hash, Lfq
from isthmus.parts.codes.code import CodeKind
from isthmus.parts.codes.gaussian import GaussianCode
from isthmus.parts.codes.gumbel import Gumbel
from isthmus.parts.codes.joint import Joint
from isthmus.parts.codes.ladder import Ladder
from isthmus.parts.codes.plain import Plain
from isthmus.parts.codes.product import Pq
from isthmus.parts.codes.quantised import Fsq, Rvq, Vq
from isthmus.parts.codes.rounded import Rounded
from isthmus.parts.codes.top_k import TopK
from isthmus.parts.codes.two_levels import Vq2
from isthmus.parts.forward_pass import Code

__all__ = [
    "Code",
    "CodeKind",
    "Fsq",
    "GaussianCode",
    "Gumbel",
    "Hash",
    "Joint",
    "Ladder",
    "Lfq",
    "Plain",
    "Pq",
    "Rounded",
    "Rvq",
    "TopK",
    "Vq",
    "Vq2",
]
