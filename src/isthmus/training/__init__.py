"""Training: the loop, its steps, its callbacks, and its checkpoints."""

from isthmus.storage.run_folder import CHECKPOINT
from isthmus.training.callback import Callback
from isthmus.training.callbacks import BestWeights, Checkpoints, ProgressBar
from isthmus.training.checkpoint import Checkpoint, State
from isthmus.training.loop import Training
from isthmus.training.settings import Settings

__all__ = [
    "CHECKPOINT",
    "BestWeights",
    "Callback",
    "Checkpoint",
    "Checkpoints",
    "ProgressBar",
    "Settings",
    "State",
    "Training",
]
