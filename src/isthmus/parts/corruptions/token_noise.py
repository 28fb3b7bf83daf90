"""Token noise: tokens are dropped, swapped with their neighbour or replaced, as in typing errors."""

from typing import Annotated, ClassVar, Self

import torch
from pydantic import Field
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.corruptions.corruption import Corruption
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.part import Shape
from isthmus.special_tokens import END, SPECIAL


class TokenNoise(Corruption):
    """Each token of a text is, independently, dropped, swapped with the next one, or replaced by any symbol.

    What follows a dropped token moves up, so the text becomes shorter. The end stays where the text ends.

    drop, swap, replace: the probabilities. tokens: the size of the vocabulary; decided from the data.

    Source: Lample et al., Unsupervised machine translation using monolingual corpora only, ICLR (2018), for dropping
    and local shuffling; Hill, Cho & Korhonen, Learning distributed representations of sentences from unlabelled data,
    NAACL (2016).
    """

    kind: ClassVar[str] = "token-noise"
    cuttable: ClassVar[bool] = True

    drop: Annotated[float, Field(ge=0, lt=1)] = 0.03
    swap: Annotated[float, Field(ge=0, lt=1)] = 0.03
    replace_by_any: Annotated[float, Field(ge=0, lt=1)] = 0.04
    tokens: Annotated[int, Field(ge=0)] = 0

    def resolve(self, spec: DataSpec) -> Self:
        """The same corruption for this vocabulary.

        Raises:
            BlueprintError: the samples aren't tokens.
        """
        if not (spec.tokens or self.tokens):
            raise BlueprintError(
                "The corruption 'token-noise' is for tokens of text or music, but these samples have none. Read the "
                "data with kind='text', or use 'gaussian-noise' or 'masking'."
            )
        return self.replace(tokens=spec.tokens or self.tokens)

    def check(self, clean: Shape) -> None:
        """Raise BlueprintError unless the samples are rows of tokens."""
        if len(clean) != 1:
            raise BlueprintError(f"The corruption 'token-noise' is for rows of tokens (T,), not for shape {clean}.")

    def draw(self, count: int, clean: Shape, generator: torch.Generator) -> Tensor:
        """(N, 4, *clean) uniform numbers."""
        return torch.rand(count, 4, *clean, generator=generator, device=generator.device)

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        """(N, T), (N, 4, T) to (N, T)."""
        if draws is None:
            return clean
        dropped, swapped, replaced, symbols = draws[..., : clean.shape[1]].unbind(1)  # the batch may have been cut
        text = (clean == END).cumsum(1) == 0
        any_symbol = SPECIAL + (symbols * (self.tokens - SPECIAL)).floor()
        made = torch.where(text & (replaced < self.replace_by_any), any_symbol.to(clean.dtype), clean)
        places = torch.arange(clean.shape[1], device=clean.device, dtype=torch.float32).expand_as(dropped)
        keys = torch.where(swapped < self.swap, places + 1.5, places)  # behind the next one
        gone = text & (dropped < self.drop)
        keys = torch.where(text & ~gone, keys, places + clean.shape[1] + 2)
        made = torch.where(gone, END, made)
        return made.gather(1, keys.argsort(dim=1, stable=True))
