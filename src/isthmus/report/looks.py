"""The samples that the report shows, and their reconstructions by the model and PCA."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from isthmus import formatting
from isthmus.data.samples import Samples, spread
from isthmus.data.series import ended
from isthmus.drawing.look import Look
from isthmus.model.autoencoder import Autoencoder
from isthmus.ngram import NGram
from isthmus.pca import PCA
from isthmus.uses.explanations import Explainer
from isthmus.uses.scores import elements_of, pass_of
from isthmus.uses.usual import Usual

SHOWN = {"pictures": 10, "series": 6, "table": 8, "tokens": 8}
"""The most samples that are shown together."""


class Looks:
    """The chosen samples of one part, and their reconstructions by the model and PCA."""

    def __init__(self, model: Autoencoder, pca: PCA | NGram, samples: Samples, errors: Mapping[str, Tensor]) -> None:
        self.model, self.pca, self.samples, self.errors = model, pca, samples, errors
        self.shown = SHOWN[samples.kind]
        # A stable order, with errors that are not finite last, so that the same run gives the same page.
        self.order = errors["model"].double().nan_to_num(math.inf, math.inf).sort(stable=True).indices

    def rows(self, chosen: Tensor) -> dict[str, Tensor]:
        """The original, the model's and PCA's reconstruction of the chosen samples, each (n, *shape), scaled.

        NaN where the original's numbers are missing, and after the end of a series.
        """
        labels = self._labels(chosen)
        out = self.model(self.samples.batch(chosen), labels=labels)
        clean, model = out.with_holes().float().cpu(), out.reconstruction.float().cpu()
        pca = self.pca.reconstruct(clean)
        if self.samples.kind == "series":
            over = ended(clean)
            model, pca = torch.where(over, torch.nan, model), torch.where(over, torch.nan, pca)
        return {"original": clean, "model": model, "pca": pca}

    def written(self, chosen: Tensor) -> Tensor:
        """(n, T) the tokens that the model writes from the codes of the chosen samples."""
        batch = self.samples.batch(chosen)
        return self.model.reconstruct(batch, self._labels(chosen)).cpu()

    def typical(self) -> Tensor:
        """Typical samples: the first of each label if there are few labels, the others spread evenly."""
        labels, even = self.samples.labels, spread(len(self.samples), self.shown).tolist()
        if labels is None or len(labels.unique()) > self.shown:
            return torch.tensor(even)
        firsts = [int((labels == label).nonzero()[0]) for label in labels.unique()]
        others = [index for index in even if index not in firsts]
        return torch.tensor((firsts + others)[: self.shown])

    def _labels(self, chosen: Tensor) -> Tensor | None:
        """(n,) labels of the chosen samples, if they have any, for a model that is conditioned on them."""
        return None if self.samples.labels is None else self.samples.labels[chosen]

    def best(self) -> Tensor:
        """The samples with the smallest errors, smallest first."""
        return self.order[: self.shown]

    def worst(self) -> Tensor:
        """The samples with the largest errors, largest first."""
        return self.order.flip(0)[: self.shown]

    def captions(self, chosen: Tensor, *, long: bool = False) -> list[str]:
        """A text for each chosen sample: its error; the long text adds its label or name."""
        errors = [formatting.number(float(self.errors["model"][i]), digits=2) for i in chosen]
        if not long:
            return errors
        return [f"{self.called(int(i))}: {error}" for i, error in zip(chosen, errors, strict=True)]

    def called(self, index: int) -> str:
        """A sample's name; if it has none, its number, counted from 1, and its label."""
        samples = self.samples
        if samples.names:
            return samples.names[index]
        if samples.labels is None:
            return f"sample {index + 1}"
        label = int(samples.labels[index])
        name = samples.label_names[label] if 0 <= label < len(samples.label_names) else str(label)
        return f"sample {index + 1}, label {name}"

    def worst_rows(self, usual: Usual, look: Look) -> list[dict[str, Any]]:
        """For tables: the worst samples, each with the cells that explain its squared error, in raw units."""

        def score(raw: Tensor, labels: Tensor | None) -> Tensor:
            return elements_of(self.model, pass_of(self.model, raw, labels)).double().sum(1)

        chosen = self.worst()
        rows = self.samples.take(chosen)
        errors = score(rows.tensor(), rows.labels)
        explained = Explainer(score, self.model, look, usual, threshold=0.0, base=0.0)(rows, errors)
        return [
            {
                "name": self.called(index),
                "error": formatting.number(float(self.errors["model"][index])),
                "columns": [
                    {
                        "name": cell.column,
                        "given": _cell(cell.given),
                        "suggested": _cell(cell.expected),
                        "share": formatting.percent(cell.share),
                    }
                    for cell in one.reasons
                ],
            }
            for index, one in zip(chosen.tolist(), explained, strict=True)
        ]


def _cell(value: float | str) -> str:
    return value if isinstance(value, str) else formatting.number(value)
