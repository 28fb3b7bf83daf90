"""Loads a run as MLflow's pyfunc: `mlflow.pyfunc.load_model` names this module, so that nothing is pickled."""

from typing import Any

import numpy as np

from isthmus.errors import UseError
from isthmus.run import Run, load

USES = ("reconstruct", "encode")


class RunModel:
    """A run behind `predict`."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> Any:
        """Reconstructions of raw samples, or their codes with `params={"use": "encode"}`.

        A data frame gives a data frame, an array (N, *shape) an array.

        Raises:
            UseError: `use` is neither "reconstruct" nor "encode".
        """
        use = (params or {}).get("use") or USES[0]
        if use not in USES:
            raise UseError(f"use={use!r}: expected {' or '.join(USES)}.")
        made = getattr(self.run, use)(np.asarray(data) if isinstance(data, list) else data)
        return made.numpy() if hasattr(made, "numpy") else made


def _load_pyfunc(path: str) -> RunModel:
    """The model in the folder of a run; MLflow calls this."""
    return RunModel(load(path))
