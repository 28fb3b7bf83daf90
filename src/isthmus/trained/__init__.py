"""A trained model, as everything that uses, draws or judges one takes it."""

from isthmus.trained.trained_model import TrainedModel, baseline_size

__all__ = ["TrainedModel", "baseline_size"]
