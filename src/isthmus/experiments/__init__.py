"""What trains several models: how many numbers a code needs, which model is best, and whether pretraining pays."""

from isthmus.experiments.classify import Classify
from isthmus.experiments.compare import compare
from isthmus.experiments.comparison import Comparison
from isthmus.experiments.pretrain import pretrain
from isthmus.experiments.pretraining import Pretraining
from isthmus.experiments.study import Study
from isthmus.experiments.suggestion import Sweep
from isthmus.experiments.sweep import sweep
from isthmus.experiments.trial import Fit, Trial

__all__ = ["Classify", "Comparison", "Fit", "Pretraining", "Study", "Sweep", "Trial", "compare", "pretrain", "sweep"]
