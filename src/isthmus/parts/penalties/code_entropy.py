"""The entropy penalty of codes of symbols: certain for each sample, and varied over all samples."""

import math
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.forward_pass import Pass
from isthmus.parts.model import Model, example
from isthmus.parts.penalties.penalty import Penalty


class CodeEntropy(Penalty):
    r"""Uncertain choices and unused entries cost: :math:`\overline{H(q)} + \gamma(\log K - H(\bar q))`.

    q are the probabilities of the K entries for a vector, and :math:`\bar q` their mean over the batch. The first term
    makes each choice certain, the second one all entries equally frequent; both are 0 at best. In nats.

    diversity: γ.

    Source: Yu et al., Language model beats diffusion (MAGVIT-2), ICLR (2024); Jansen et al., Coincidence,
    categorization, and consolidation, ICASSP (2020).
    """

    over_batch: ClassVar[bool] = True

    diversity: Annotated[float, Field(ge=0)] = 1.0

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the code has no probabilities of entries."""
        if not hasattr(_soft(example(model)), "usage"):
            raise BlueprintError(
                f"{self.kind} needs the probabilities of a code's entries, but a {model.code.kind} code has none. "
                "Use an lfq, gumbel or hash code, or leave the penalty out."
            )

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) nats, the mean over a sample's vectors; the second term is the batch's."""
        soft = _soft(out)
        usage = soft.usage()
        floor = torch.finfo(usage.dtype).tiny  # an entry that is never used has no finite gradient otherwise
        lacking = math.log(soft.values) + (usage * usage.clamp(min=floor).log()).sum()
        return soft.entropy().mean(1) + self.diversity * lacking


def _soft(out: Pass) -> Any:
    """The probabilities of the code's entries, if it has any."""
    return out.code.distribution if out.code.soft is None else out.code.soft
