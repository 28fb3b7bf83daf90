"""TensorBoard: event files in the run's folder, or in one of your choice."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from isthmus.trackers.tracker import Tracker


class TensorBoard(Tracker):
    """Writes event files: losses, measures, pictures of reconstructions, and codes for the projector.

    Look at them with `tensorboard --logdir runs`. The model isn't written: it is in the run's folder.

    folder: where to write; each training gets a folder of its own there. None is `tensorboard` in the run's folder, or
    `runs/tensorboard` for a run in memory.
    """

    title, module, extra = "TensorBoard", "torch.utils.tensorboard", "tensorboard"

    def __init__(self, folder: str | Path | None = None, name: str | None = None, **options: Any) -> None:
        self.folder = None if folder is None else Path(folder)
        super().__init__(name, **options)

    def begin(self, options: Mapping[str, Any]) -> None:
        """Open a new event file. Events of epochs that will be trained again are hidden."""
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415

        if self.folder is None:
            self.folder = Path("runs/tensorboard") if self.place is None else self.place / "tensorboard"
        path = self.folder / "-".join(filter(None, [self.name if self.place is None else None, self.id[:8]]))
        self.path = path
        self.writer = SummaryWriter(str(path), purge_step=self.logged + 1 if self.logged else None)
        rows = "".join(f"\n| {name} | {str(value).replace('|', '/')} |" for name, value in options.items())
        self.writer.add_text("options", f"| option | value |\n| --- | --- |{rows}", 0)

    def log(self, numbers: Mapping[str, float], epoch: int) -> None:
        """Write scalars."""
        for name, number in numbers.items():
            self.writer.add_scalar(name, number, epoch)
        self.writer.flush()

    def show(self, pictures: np.ndarray, epoch: int) -> None:
        """Write the picture."""
        self.writer.add_image("reconstructions", pictures, epoch, dataformats="HWC")

    def embed(self, codes: Tensor, labels: list[str], looks: Tensor | None) -> None:
        """Write codes for the projector."""
        self.writer.add_embedding(codes, labels or None, looks, self.logged, tag="codes")

    def end(self, status: str) -> None:
        """Write the status, and close the file."""
        self.writer.add_text("status", status, self.logged)
        self.writer.close()

    def options(self) -> dict[str, Any]:
        """The arguments; a folder within the run's folder is found again from there."""
        own = self.place is not None and self.folder == self.place / "tensorboard"
        return super().options() | {"folder": None if own or self.folder is None else str(self.folder)}

    def where(self) -> str:
        """The folder of the events."""
        return f"tensorboard --logdir {self.path.parent}"
