"""Which samples the report shows, and what the model and PCA make of them."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from isthmus import formatting
from isthmus.data.samples import Samples, spread
from isthmus.data.series import ended
from isthmus.drawing.rows import Look
from isthmus.model.autoencoder import Autoencoder
from isthmus.pca import PCA
from isthmus.uses.cells import cells_off

SHOWN = {"pictures": 10, "series": 6, "table": 8}
"""How many samples are shown together, at most."""

MAPPED = 2000
"""How many samples are encoded for the map of the code."""


class Looks:
    """What the figures show of one part: chosen samples, and what the model and PCA make of them."""

    def __init__(self, model: Autoencoder, pca: PCA, samples: Samples, errors: Mapping[str, Tensor]) -> None:
        self.model, self.pca, self.samples, self.errors = model, pca, samples, errors
        self.shown = SHOWN[samples.kind]
        # A stable order, errors that are not finite last: the same run gives the same page.
        self.order = errors["model"].double().nan_to_num(math.inf, math.inf).sort(stable=True).indices

    def rows(self, chosen: Tensor) -> dict[str, Tensor]:
        """The original, the model's and PCA's reconstruction of the chosen samples, each (n, *shape), scaled.

        NaN where the original lacks numbers, and where a series is over.
        """
        labels = self._labels(chosen)
        out = self.model(self.samples.batch(chosen), labels=labels)
        clean, model = out.with_holes().float().cpu(), out.reconstruction.float().cpu()
        pca = self.pca.reconstruct(clean)
        if self.samples.kind == "series":
            over = ended(clean)
            model, pca = torch.where(over, torch.nan, model), torch.where(over, torch.nan, pca)
        return {"original": clean, "model": model, "pca": pca}

    def typical(self) -> Tensor:
        """Samples that stand for the rest: the first of each label where labels are few, the others spread evenly."""
        labels, even = self.samples.labels, spread(len(self.samples), self.shown).tolist()
        if labels is None or len(labels.unique()) > self.shown:
            return torch.tensor(even)
        firsts = [int((labels == label).nonzero()[0]) for label in labels.unique()]
        others = [index for index in even if index not in firsts]
        return torch.tensor((firsts + others)[: self.shown])

    def _labels(self, chosen: Tensor) -> Tensor | None:
        """(n,) labels of the chosen samples, where there are any, for a model that is conditioned on them."""
        return None if self.samples.labels is None else self.samples.labels[chosen]

    def best(self) -> Tensor:
        """The samples with the smallest errors, smallest first."""
        return self.order[: self.shown]

    def worst(self) -> Tensor:
        """The samples with the largest errors, largest first."""
        return self.order.flip(0)[: self.shown]

    def captions(self, chosen: Tensor, *, long: bool = False) -> list[str]:
        """A text for each chosen sample: its error; the long one tells its label or name too."""
        errors = [formatting.number(float(self.errors["model"][i]), digits=2) for i in chosen]
        if not long:
            return errors
        return [f"{self.called(int(i))}: {error}" for i, error in zip(chosen, errors, strict=True)]

    def called(self, index: int) -> str:
        """A sample's name, or its number counted from 1 and its label."""
        samples = self.samples
        if samples.names:
            return samples.names[index]
        if samples.labels is None:
            return f"sample {index + 1}"
        label = int(samples.labels[index])
        name = samples.label_names[label] if 0 <= label < len(samples.label_names) else str(label)
        return f"sample {index + 1}, label {name}"

    def codes(self) -> tuple[Tensor, Tensor | None]:
        """(n, *code) finite codes of samples spread over the part, and their labels."""
        chosen = spread(len(self.samples), MAPPED)
        batches = chosen.split(256)
        codes = [self.model.encode(self.samples.batch(batch), self._labels(batch)).float().cpu() for batch in batches]
        found, labels = torch.cat(codes), self.samples.labels
        finite = found.flatten(1).isfinite().all(1)
        return found[finite], None if labels is None else labels[chosen][finite]

    def worst_rows(self, usual: Tensor, look: Look) -> list[dict[str, Any]]:
        """For tables: the worst samples, each with the cells that are off (`isthmus.uses.cells`), in raw units."""
        chosen = self.worst()
        rows = self.samples.take(chosen)
        return [
            {
                "name": self.called(index),
                "error": formatting.number(float(self.errors["model"][index])),
                "columns": [
                    {
                        "name": name,
                        "given": given if isinstance(given, str) else formatting.number(given),
                        "suggested": suggested if isinstance(suggested, str) else formatting.number(suggested),
                        "share": formatting.percent(share),
                    }
                    for name, given, suggested, share in cells
                ],
            }
            for index, cells in zip(chosen.tolist(), cells_off(self.model, rows, usual, look), strict=True)
        ]
