"""The process in which one peer trains, saves and judges a model, from nothing. Started by `benchmarks.commands`.

`python -m benchmarks.speed.cold TOOL WORKLOAD EPOCHS TRAIN.npy TEST.npy FOLDER` prints the test part's error as JSON.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.tools import TOOLS, Settings, scaled
from benchmarks.speed.workloads import WORKLOADS


class NoGate:
    """No turns: the tool trains through. `train` is given it in place of a `Gate`."""

    def epoch_begin(self) -> None:
        """Go on."""

    def epoch_end(self, loss: float, **chosen: Any) -> None:
        """Go on."""


def main() -> None:
    """Arguments: see above."""
    name, workload, epochs, train, test, folder = sys.argv[1:]
    settings = Settings(epochs=int(epochs))
    tool = importlib.import_module(f"benchmarks.speed.tools.{TOOLS[name].module}")
    trained = tool.train(WORKLOADS[workload], settings, np.load(train), NoGate())
    trained.save(Path(folder))
    others = np.load(test)
    made = trained.reconstruct(others)
    error = float(np.square(made.reshape(len(others), -1) - scaled(others).reshape(len(others), -1)).mean())
    print(json.dumps({"mse": error}))


if __name__ == "__main__":
    main()
