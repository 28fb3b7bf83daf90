"""A trained model: the common input of uses, figures and reports. Several of them are an ensemble."""

from isthmus.trained.ensemble import TrainedEnsemble
from isthmus.trained.trained_model import TrainedModel, baseline_size

__all__ = ["TrainedEnsemble", "TrainedModel", "baseline_size"]
