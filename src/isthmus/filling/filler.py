"""The filler of a trained model: the best guess for each hole of a table, and draws from its distribution."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.filling import noise
from isthmus.filling.layout import Layout
from isthmus.filling.learning import expectations, learn
from isthmus.filling.mixture import Mixture
from isthmus.filling.network import predicted_cells, scaled_rows
from isthmus.model.autoencoder import Autoencoder
from isthmus.shown import Shown

SMEARED = slice(4, None, 8)
"""The quantiles over which the mean of curved columns is taken."""
_OWN = ("weights", "network", "quantiles", "whole", "positive")
_OF_MIXTURES = ("shares", "means", "covariances")


@dataclass(frozen=True, eq=False, repr=False)
class Filler(Shown):
    """Fills the holes of a table's rows.

    The guess for a hole is a weighted mean of four: the network's reconstruction, the expectation under a Gaussian with
    weakly and one with strongly shrunk covariances, and the expectation under a mixture of Gaussians, each given the
    row's known cells. To find each column's weights, known cells are hidden: in the training part from the Gaussians
    and the mixture, which are learnt without them; in the validation part also from the network, which has not learnt
    from these rows. Without a validation part, the network's share is a half.

    The errors in the hidden cells, in standard deviations of the mixture given the row's known cells, are the
    distribution around the guess. So a hole has less spread if the row's other cells determine it. Draws in the same
    row are correlated as under the mixture. A drawn number is whole if all known ones of its column are, and not
    negative if none of them is.

    layout: of the columns. mixtures: the three of them; empty if the table is too wide. weights: (D, M) of each column.
    network: (D,) the network's share. quantiles: (D, L) of the relative errors. whole, positive: (D,) 1 where all known
    raw numbers are whole, and where none is negative.

    Source: Wolpert, Stacked generalization, Neural Networks 5 (1992); Rubin, Multiple imputation for nonresponse in
    surveys (1987), for draws.
    """

    layout: Layout
    mixtures: tuple[Mixture, ...]
    weights: Tensor
    network: Tensor
    quantiles: Tensor
    whole: Tensor
    positive: Tensor

    @classmethod
    def learn(cls, model: Autoencoder, train: Samples, validation: Samples) -> Self:
        """The filler of a model of tables, from its training and validation parts in raw units."""
        return cls(*learn(model, train, validation))

    def guess(self, model: Autoencoder, samples: Samples) -> Tensor:
        """(N, D) raw values: the guess for each cell from the row's known ones.

        After a curve, the mean of the raw values isn't the raw value of the mean. So it is taken over the quantiles of
        the errors (Duan, Smearing estimate, J. Am. Stat. Assoc. 78, 1983).
        """
        expected, curve = self._expected(model, samples), model.scaling.curve
        raw = self._raw(model, expected)
        if curve is None:
            return raw
        spread, quantiles = self._spread(model, samples), self.quantiles[:, SMEARED]
        smeared = [self._raw(model, expected + spread * own[self.layout.column_of]) for own in quantiles.T]
        return torch.where(curve.unit.cpu().flatten() > 0, torch.stack(smeared).mean(0), raw)

    def draws(self, model: Autoencoder, samples: Samples, count: int, generator: torch.Generator) -> Tensor:
        """(count, N, D) raw values, drawn from the distribution of each cell given the row's known ones."""
        expected, spread = self._expected(model, samples), self._spread(model, samples)
        values, known = self.layout.wide(scaled_rows(model, samples))
        start, made = 0, []
        for level in noise.levels(self.mixtures, values, known, count, generator):
            here = slice(start, start + len(level))
            off = noise.at_levels(self.quantiles[self.layout.column_of], level) * spread[here][..., None]
            made.append(self._chosen(expected[here][..., None] + off, expected[here], generator))
            start += len(level)
        raw = torch.stack([self._raw(model, one) for one in torch.cat(made, 1)])
        numeric = torch.tensor(self.layout.levels) == 0
        kept = torch.where(self.whole > 0, raw.round(), raw)
        return torch.where(numeric, torch.where(self.positive > 0, kept.clamp(min=0), kept), raw)

    def to_tensors(self) -> dict[str, Tensor]:
        """Everything as tensors, to be saved."""
        made = {"levels": torch.tensor(self.layout.levels), "centre": self.layout.centre, "spread": self.layout.spread}
        made |= {name: getattr(self, name) for name in _OWN}
        for number, mixture in enumerate(self.mixtures):
            made |= {f"{name}{number}": getattr(mixture, name) for name in _OF_MIXTURES}
        return {name: tensor.contiguous() for name, tensor in made.items()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """The filler from the tensors of `to_tensors`.

        Raises:
            KeyError: one is missing.
        """
        layout = Layout(tuple(tensors["levels"].tolist()), tensors["centre"], tensors["spread"])
        count = sum(name.startswith("covariances") for name in tensors)
        mixtures = tuple(Mixture(*(tensors[f"{name}{number}"] for name in _OF_MIXTURES)) for number in range(count))
        return cls(layout, mixtures, *(tensors[name] for name in _OWN))

    def _expected(self, model: Autoencoder, samples: Samples) -> Tensor:
        """(N, W) the weighted mean of the predictions."""
        network = predicted_cells(model, self.layout, samples)
        if not self.mixtures:
            return network
        column_of = self.layout.column_of
        values, known = self.layout.wide(scaled_rows(model, samples))
        share = self.network[column_of]
        others = (expectations(self.mixtures, values, known) * self.weights[column_of]).sum(2)
        return share * network + (1 - share) * others

    def _spread(self, model: Autoencoder, samples: Samples) -> Tensor:
        return noise.spread(self.mixtures, *self.layout.wide(scaled_rows(model, samples)))

    def _chosen(self, drawn: Tensor, expected: Tensor, generator: torch.Generator) -> Tensor:
        """(count, n, W) from (n, W, count) draws, with categories chosen by their (n, W) probabilities."""
        count = drawn.shape[2]
        parts = []
        for levels, own, chances in zip(
            self.layout.levels, self.layout.split(drawn), self.layout.split(expected), strict=True
        ):
            made = noise.chosen(chances, count, generator) if levels else own.transpose(1, 2)
            parts.append(made.transpose(0, 1))
        return torch.cat(parts, 2)

    def _raw(self, model: Autoencoder, wide: Tensor) -> Tensor:
        """(N, D) raw values of (N, W)."""
        return model.scaling.inverse(self.layout.scaled(wide)).cpu()
