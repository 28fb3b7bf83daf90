"""Studies that train several models: code size, the best model, the value of pretraining, and the best options."""

from isthmus.experiments.classify import Classify
from isthmus.experiments.compare import compare
from isthmus.experiments.comparison import Comparison
from isthmus.experiments.pretrain import pretrain
from isthmus.experiments.pretraining import Pretraining
from isthmus.experiments.search import Search
from isthmus.experiments.study import Study
from isthmus.experiments.suggestion import Sweep
from isthmus.experiments.sweep import sweep
from isthmus.experiments.trial import Fit, Trial
from isthmus.experiments.tune import tune
from isthmus.experiments.tuning import Tuning

__all__ = [
    "Classify",
    "Comparison",
    "Fit",
    "Pretraining",
    "Search",
    "Study",
    "Sweep",
    "Trial",
    "Tuning",
    "compare",
    "pretrain",
    "sweep",
    "tune",
]
