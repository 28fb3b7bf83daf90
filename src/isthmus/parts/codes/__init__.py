"""The codes: how the encoder's features become the decoder's input."""

from isthmus.parts.codes.batch_top_k import BatchTopK
from isthmus.parts.codes.bits import Hash, Lfq
from isthmus.parts.codes.code import CodeKind
from isthmus.parts.codes.flowing import Iaf, Planar
from isthmus.parts.codes.gated import Gated
from isthmus.parts.codes.gaussian import GaussianCode
from isthmus.parts.codes.gumbel import Gumbel
from isthmus.parts.codes.hamiltonian import Hamiltonian
from isthmus.parts.codes.hyperspherical import Hyperspherical
from isthmus.parts.codes.joint import Joint
from isthmus.parts.codes.jump_relu import JumpRelu
from isthmus.parts.codes.ladder import Ladder
from isthmus.parts.codes.one_class import OneClass
from isthmus.parts.codes.plain import Plain
from isthmus.parts.codes.poincare import Poincare
from isthmus.parts.codes.product import Pq
from isthmus.parts.codes.quantised import Fsq, Rvq, Vq
from isthmus.parts.codes.residual_fsq import Rfsq
from isthmus.parts.codes.riemannian import Riemannian
from isthmus.parts.codes.rounded import Rounded
from isthmus.parts.codes.top_k import TopK
from isthmus.parts.codes.two_levels import Vq2
from isthmus.parts.forward_pass import Code

__all__ = [
    "BatchTopK",
    "Code",
    "CodeKind",
    "Fsq",
    "Gated",
    "GaussianCode",
    "Gumbel",
    "Hamiltonian",
    "Hash",
    "Hyperspherical",
    "Iaf",
    "Joint",
    "JumpRelu",
    "Ladder",
    "Lfq",
    "OneClass",
    "Plain",
    "Planar",
    "Poincare",
    "Pq",
    "Rfsq",
    "Riemannian",
    "Rounded",
    "Rvq",
    "TopK",
    "Vq",
    "Vq2",
]
