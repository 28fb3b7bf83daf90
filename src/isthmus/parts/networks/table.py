"""The network for tables of mixed columns: embeddings of the categories, then fully connected layers."""

from typing import Annotated, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.parts.data_spec import DataSpec
from isthmus.parts.layers import Chain
from isthmus.parts.networks.dense import Dense
from isthmus.parts.part import Shape


class Table(Dense):
    """Learnt embeddings for each category and for a missing one, then the layers of a dense network.

    embedding: the size of an embedding.
    levels: the number of categories of each column, 0 for a numeric column; empty if all columns are numeric.
    masked: whether the encoder gets a mask of the known cells. levels and masked are decided from the data.

    Source: Guo & Berkhahn, Entity embeddings of categorical variables (2016).
    """

    embedding: Annotated[int, Field(ge=1)] = 4
    levels: tuple[Annotated[int, Field(ge=0)], ...] = ()
    masked: bool = False

    def resolve(self, spec: DataSpec) -> Self:
        """The same network with `levels` and `masked` decided from the data."""
        return super().resolve(spec).replace(levels=spec.levels or self.levels, masked=spec.masked)

    def encoder(self, shape: Shape, features: Shape, generator: torch.Generator) -> Chain:
        """(N, D), or (N, 2D) with a mask, to (N, *features): embed, dense1 …, code."""
        if not any(self.levels):
            return super().encoder(shape, features, generator)
        embed = Embed(self.levels, self.embedding, self.masked, shape[0], generator)
        return Chain({"embed": embed} | self._products((embed.width,), self.hidden, "code", features, generator))


class Embed(nn.Module):
    """Numbers unchanged; each category, and a missing one, as its learnt embedding.

    levels: of each of D columns. masked: whether a mask (N, D) of the known cells follows. given: the input's width;
    anything after columns and mask is passed on.
    """

    categories: Tensor
    passed: Tensor
    sizes: Tensor
    starts: Tensor

    def __init__(
        self, levels: tuple[int, ...], size: int, masked: bool, given: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.count, self.masked = len(levels), masked
        categories = [place for place, own in enumerate(levels) if own]
        numbers = [place for place, own in enumerate(levels) if not own]
        rest = range(len(levels) * (1 + masked), given)
        passed = numbers + [self.count + place for place in numbers if masked] + list(rest)
        self.width = len(passed) + len(categories) * size
        sizes = torch.tensor([levels[place] for place in categories])
        self.table = nn.Embedding(int(sizes.sum()) + len(categories), size)  # one more each, for the missing
        with torch.no_grad():
            self.table.weight.normal_(generator=generator)
        for name, index in {
            "categories": torch.tensor(categories),
            "passed": torch.tensor(passed, dtype=torch.int64),
            "sizes": sizes,
            "starts": (sizes + 1).cumsum(0) - (sizes + 1),
        }.items():
            self.register_buffer(name, index, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, given) to (N, width)."""
        index = x[:, self.categories].round().long().clamp(min=0).minimum(self.sizes - 1)
        if self.masked:
            index = torch.where(x[:, self.count + self.categories] > 0, index, self.sizes)
        return torch.cat([x[:, self.passed], self.table(index + self.starts).flatten(1)], 1)
