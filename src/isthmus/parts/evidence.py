"""The bounds on the evidence log p(x): how the losses of several draws of one sample's code become one loss."""

import math
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, model_serializer
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.model import Model, example
from isthmus.parts.part import Part

LEAST = 1e-12
"""A draw's least share of the decoder's gradient, so that its share of the encoder's can be a multiple of it."""


class Bound(Part):
    """How the K losses of a sample's draws become one.

    by_draws: whether it needs each draw's own loss, so that penalties are computed draw by draw.
    """

    by_draws: ClassVar[bool] = False

    @model_serializer(mode="wrap")
    def _as_json(self, made: Any) -> Any:
        """Its kind alone where all options are usual, as earlier versions wrote it: a codec's files compare models."""
        return self.kind if self == type(self)() else {"kind": self.kind, **made(self)}

    @property
    def separates(self) -> bool:
        """Whether the encoder's gradient reaches it through the drawn codes alone, by an estimator of its own."""
        return False

    def check(self, model: Model) -> None:
        """Raise BlueprintError if it doesn't fit the model; called once, when the model is built."""

    def __call__(self, losses: Tensor, z: Tensor, score: Tensor | float = 1.0) -> Tensor:
        """(K, N) losses of the codes z, (K·N, *code), draw by draw, to the scalar loss.

        score: the weight of log q(z|x) in the losses.
        """
        raise NotImplementedError


class MeanBound(Bound):
    r"""The mean of the losses; of those of a VAE it is the negative ELBO, :math:`-\frac1K\sum_k \log w_k`."""

    kind: ClassVar[str] = "mean"

    def __call__(self, losses: Tensor, z: Tensor, score: Tensor | float = 1.0) -> Tensor:
        """(K, N) losses to their mean."""
        return losses.mean()


class LogMeanExp(Bound):
    r"""The importance-weighted bound, :math:`-\log\frac1K\sum_k w_k` with :math:`w_k = p(x, z_k) / q(z_k|x)`.

    It is tighter than the ELBO. But the tighter it is, the more noise there is in the encoder's gradient compared with
    the gradient itself; the options mend that.

    groups: M; the bound is the mean of M bounds of K / M draws each (MIWAE).
    mean_share: β; the bound is β times the ELBO plus 1 - β times the importance-weighted bound (CIWAE).
    gradient: of the encoder. "plain" is the derivative of the bound. "doubly" is the doubly reparametrised estimator
        (DReG): a draw's part is weighted by the square of its share of the weights, and log q's direct dependence on
        the encoder is left out. Its expectation is the same and its variance is smaller.
    encoder_groups: the encoder is trained by the bound of so many groups, and the rest of the model by that of `groups`
        (PIWAE). Its gradient is then doubly reparametrised.

    Source: Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, ICLR (2016); MIWAE, CIWAE, PIWAE: Rainforth
    et al., Tighter variational bounds are not necessarily better, ICML (2018); DReG: Tucker et al., Doubly
    reparameterized gradient estimators for Monte Carlo objectives, ICLR (2019).
    """

    by_draws: ClassVar[bool] = True

    groups: Annotated[int, Field(ge=1)] = 1
    mean_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    gradient: Literal["plain", "doubly"] = "plain"
    encoder_groups: Annotated[int, Field(ge=1)] | None = None

    @property
    def separates(self) -> bool:
        """Whether the encoder's gradient is doubly reparametrised."""
        return self.gradient == "doubly" or self.encoder_groups is not None

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the draws can't be grouped, or the posterior has no density at any code."""
        draws = getattr(model.code, "draws", 1)
        for name, groups in (("groups", self.groups), ("encoder_groups", self.encoder_groups or 1)):
            if draws % groups:
                raise BlueprintError(
                    f"draws={draws} can't be cut into {name}={groups} groups of the same size. "
                    f"Set draws={groups * max(1, round(draws / groups))}, for example."
                )
        if self.separates and not hasattr(example(model).code.distribution, "detached"):
            raise BlueprintError(
                "The doubly reparametrised gradient needs the posterior's density at any code, but a "
                f"{model.code.kind} code knows it only at its own draws. Use a gaussian code, or leave out "
                "gradient= and encoder_groups=."
            )

    def __call__(self, losses: Tensor, z: Tensor, score: Tensor | float = 1.0) -> Tensor:
        """(K, N) losses, each minus log w, to the mean over the samples of minus the bound."""
        grouped = _in_groups(losses, self.groups)
        tight = (math.log(grouped.shape[1]) - torch.logsumexp(-grouped, 1)).mean()
        total = tight if not self.mean_share else self.mean_share * losses.mean() + (1 - self.mean_share) * tight
        if not (self.separates and z.requires_grad):
            return total
        log_weights = -losses.detach()
        decoder = self._mixed(_shares(log_weights, self.groups)).clamp(min=LEAST / len(losses))
        shares = _shares(log_weights, self.encoder_groups or self.groups)
        within = shares * (self.encoder_groups or self.groups)  # of the weights of its own group
        encoder = self._mixed(shares * (1 - score * (1 - within)))
        times = (encoder / decoder).reshape(-1, *[1] * (z.ndim - 1))
        z.register_hook(lambda gradient: gradient * times)  # which the decoder's shares have weighted
        slope = (decoder * losses).sum(0).mean()
        return total.detach() + (slope - slope.detach())

    def _mixed(self, shares: Tensor) -> Tensor:
        """(K, N) the draws' shares of the gradient, with the ELBO's, which are all equal."""
        return self.mean_share / len(shares) + (1 - self.mean_share) * shares


def _in_groups(losses: Tensor, groups: int) -> Tensor:
    """(K, N) to (groups, K / groups, N); one group if a pass has too few draws, as one without draws."""
    return losses.view(groups if len(losses) % groups == 0 else 1, -1, losses.shape[1])


def _shares(log_weights: Tensor, groups: int) -> Tensor:
    """(K, N) each draw's share of its group's weights, divided by the number of groups."""
    grouped = _in_groups(log_weights, groups)
    return (grouped.softmax(1) / len(grouped)).view_as(log_weights)
