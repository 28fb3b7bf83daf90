"""What trains several models: how many numbers a code needs, which model is best, and whether pretraining pays."""

from isthmus.experiments.compare import Comparison, compare
from isthmus.experiments.pretrain import Classify, Pretraining, pretrain
from isthmus.experiments.study import Study
from isthmus.experiments.sweep import Sweep, sweep
from isthmus.experiments.trial import Fit, Trial

__all__ = ["Classify", "Comparison", "Fit", "Pretraining", "Study", "Sweep", "Trial", "compare", "pretrain", "sweep"]
