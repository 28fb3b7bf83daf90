"""What was trained on normal heartbeats alone tells abnormal ones by their error."""

from benchmarks.proofs.heartbeats import prove_heartbeats
from benchmarks.proofs.proving import Bench, Row

EPOCHS = 80


def prove(bench: Bench) -> list[Row]:
    """Whole beats, and beats cut to different lengths."""
    return prove_heartbeats(bench, learning_rate=5e-3)
