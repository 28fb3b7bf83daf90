"""Facts: what a blueprint learns of the data when it meets them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Facts:
    """What parts may settle by, before any weight is drawn.

    range: the scaled values' bounds; None where they are unbounded.
    levels: for each column of a table, how many categories it has, 0 where it holds numbers; empty for other data.
    classes: how many labels there are.
    told: whether the encoder is told which numbers are known.
    constant_costs: for each column of a table, the loss of its best constant (`parts.distances.columns`); empty for
        other data.
    fresh: whether the weights are yet to be learnt, so that what an older version did needn't be kept to.
    damaged: of damaged pictures that come with the clean ones, whether they are grey where those have colours, and how
        many times smaller they are; None where none come.
    """

    range: tuple[float, float] | None = None
    levels: tuple[int, ...] = ()
    classes: int = 0
    told: bool = False
    constant_costs: tuple[float, ...] = ()
    damaged: tuple[bool, int] | None = None
    fresh: bool = True
