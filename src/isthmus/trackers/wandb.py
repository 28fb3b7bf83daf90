"""Weights & Biases, online or offline."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from isthmus.extras import needs
from isthmus.run import Run
from isthmus.trackers.tracker import Tracker


class WandB(Tracker):
    """Writes to Weights & Biases: numbers, pictures, and the model as an artifact.

    It doesn't change `wandb.run`, so a run that you have open yourself goes on. Your login is W&B's own
    (`wandb login`, WANDB_API_KEY).

    project: its name; None is WANDB_PROJECT, or "isthmus". mode: "online", "offline" or "disabled"; None is WANDB_MODE,
    or online. settings: more arguments of `wandb.Settings`.
    """

    title, module, extra = "Weights & Biases", "wandb", "wandb"

    def __init__(
        self,
        project: str | None = None,
        name: str | None = None,
        *,
        mode: Any = None,
        settings: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.project, self.mode, self.settings = project, mode, dict(settings or {})
        super().__init__(name, **options)

    def begin(self, options: Mapping[str, Any]) -> None:
        """Open the run by its id, which continues it if there is one."""
        wandb = needs("wandb", "wandb", "Tracking with Weights & Biases")
        quiet = {"console": "off", "silent": True, "disable_git": True, "login_timeout": 30.0}
        self.wandb = wandb.init(
            project=self.project or os.environ.get("WANDB_PROJECT") or "isthmus",
            name=self.name,
            id=self.id[:16],
            resume="allow",
            mode=self.mode,
            config=dict(options),
            reinit="create_new",  # beside a run that the user has open
            settings=wandb.Settings(**(quiet | self.settings)),
        )

    def log(self, numbers: Mapping[str, float], epoch: int) -> None:
        """Write the numbers."""
        self.wandb.log(dict(numbers), step=epoch)

    def show(self, pictures: np.ndarray, epoch: int) -> None:
        """Write the picture."""
        wandb = needs("wandb", "wandb", "Tracking with Weights & Biases")
        self.wandb.log({"reconstructions": wandb.Image(pictures)}, step=epoch)

    def keep(self, run: Run) -> None:
        """Write the run's files as an artifact of the type "model"."""
        wandb = needs("wandb", "wandb", "Tracking with Weights & Biases")
        with tempfile.TemporaryDirectory(prefix="isthmus-") as folder:
            artifact = wandb.Artifact(f"run-{self.id[:16]}", type="model")
            for file in sorted(run.publish(Path(folder) / "run").iterdir()):
                artifact.add_file(str(file), file.name)
            self.wandb.log_artifact(artifact)

    def end(self, status: str) -> None:
        """Finish the run; one that was interrupted or failed counts as failed until it is resumed."""
        self.wandb.finish(exit_code=0 if status in ("finished", "stopped early") else 1)

    def options(self) -> dict[str, Any]:
        """The arguments."""
        return super().options() | {"project": self.project, "mode": self.mode, "settings": self.settings}

    def where(self) -> str:
        """The run's address, or its folder if it is offline."""
        if self.wandb.settings.mode == "online":
            return f"Weights & Biases, {self.wandb.url}"
        return f"Weights & Biases, to send with: wandb sync {Path(self.wandb.dir).parent}"
