"""A trained model: the common input of uses, figures and reports."""

from isthmus.trained.trained_model import TrainedModel, baseline_size

__all__ = ["TrainedModel", "baseline_size"]
