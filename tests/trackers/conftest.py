"""What the tests of trackers share: tools that write here only, and a small training."""

import os
import tempfile

import pytest

import isthmus as ist

os.environ |= {"DO_NOT_TRACK": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "WANDB_MODE": "offline"}
os.environ |= {"WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true"}
os.environ.setdefault("TRACKIO_DIR", tempfile.mkdtemp(prefix="isthmus-trackio-"))  # read once, on import


@pytest.fixture(scope="session")
def digits():
    return ist.open_data("digits")


@pytest.fixture
def fit(digits, tmp_path):
    def train(*trackers, out=tmp_path / "digits", epochs=2, recipe="vanilla", **options):
        model = ist.recipe(recipe, code=4).build(digits, remarks=False)
        return ist.fit(model, digits, epochs=epochs, out=out, progress=False, callbacks=trackers, **options)

    return train


class Stopping(ist.Callback):
    """Interrupts a training after an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def epoch_end(self, training):
        if training.state.epoch == self.epoch:
            training.stop("interrupted")


@pytest.fixture
def stopping():
    return Stopping
