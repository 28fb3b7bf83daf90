"""The priors: distributions of codes before a sample is known."""

from isthmus.parts.priors.categories import UniformCategories
from isthmus.parts.priors.exemplar import ExemplarPrior
from isthmus.parts.priors.factorised import Factorised
from isthmus.parts.priors.fitted import FittedPrior
from isthmus.parts.priors.flow import FlowPrior
from isthmus.parts.priors.hyper import Hyper
from isthmus.parts.priors.metric import MetricPrior
from isthmus.parts.priors.mixture import MixturePrior
from isthmus.parts.priors.prior import Prior
from isthmus.parts.priors.sphere import UniformSphere
from isthmus.parts.priors.standard import StandardNormal
from isthmus.parts.priors.top_down import TopDown
from isthmus.parts.priors.two_stage import TwoStage
from isthmus.parts.priors.uniform import Uniform
from isthmus.parts.priors.vamp import VampPrior
from isthmus.parts.priors.wrapped import WrappedNormal

__all__ = [
    "ExemplarPrior",
    "Factorised",
    "FittedPrior",
    "FlowPrior",
    "Hyper",
    "MetricPrior",
    "MixturePrior",
    "Prior",
    "StandardNormal",
    "TopDown",
    "TwoStage",
    "Uniform",
    "UniformCategories",
    "UniformSphere",
    "VampPrior",
    "WrappedNormal",
]
