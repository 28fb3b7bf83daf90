"""Trackers: callbacks that write runs to TensorBoard, MLflow, Weights & Biases and Trackio."""

from isthmus.trackers.mlflow import MLflow
from isthmus.trackers.named import TRACKERS, named, of_checkpoint
from isthmus.trackers.tensorboard import TensorBoard
from isthmus.trackers.tracker import Tracker, tracked
from isthmus.trackers.trackio import Trackio
from isthmus.trackers.wandb import WandB

__all__ = ["TRACKERS", "MLflow", "TensorBoard", "Tracker", "Trackio", "WandB", "named", "of_checkpoint", "tracked"]
