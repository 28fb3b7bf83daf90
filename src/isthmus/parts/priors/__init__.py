"""The priors: distributions of codes before a sample is known."""

from isthmus.parts.priors.categories import UniformCategories
from isthmus.parts.priors.factorised import Factorised
from isthmus.parts.priors.flow import FlowPrior
from isthmus.parts.priors.hyper import Hyper
from isthmus.parts.priors.prior import Prior
from isthmus.parts.priors.standard import StandardNormal
from isthmus.parts.priors.top_down import TopDown
from isthmus.parts.priors.uniform import Uniform
from isthmus.parts.priors.vamp import VampPrior

__all__ = [
    "Factorised",
    "FlowPrior",
    "Hyper",
    "Prior",
    "StandardNormal",
    "TopDown",
    "Uniform",
    "UniformCategories",
    "VampPrior",
]
