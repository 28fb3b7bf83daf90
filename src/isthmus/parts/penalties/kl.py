"""The KL divergence of the posterior to the prior: the cost of a code, in nats."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.codes.joint import Joint
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Pass
from isthmus.parts.model import Model, example
from isthmus.parts.penalties.penalty import Penalty
from isthmus.parts.shared_batch import whole

BETA = 4.0
"""The weight that Higgins et al. use for pictures like MNIST's."""


class Kl(Penalty):
    r"""KL divergence of the posterior to the code's prior, in nats: :math:`D(q(z|x)\,\|\,p(z))`.

    If the distance is a likelihood and the weight is 1, the loss is the negative ELBO. The weight is the β-VAE's β.

    weight: β. "auto" is decided from the data, between 1 and 4: 4 for samples of 784 numbers or more, and less in
        proportion for smaller ones. On small samples a code saves few nats, and the paper's 4 would switch off all
        latent dimensions.
    mode: "closed", the prior's formula (`Prior.kl`); or "draws", :math:`\log q(z|x) - \log p(z)` at each drawn code,
        which is unbiased. "auto" uses the closed form if the prior has one, except with the importance-weighted bound,
        which needs each draw's own value. A pass without draws uses the closed form, or the code's mean.
    capacity: C in nats, the target of the batch's mean KL: the penalty becomes :math:`|\overline D - C|`.
    capacity_epochs: the number of epochs over which C grows linearly from 0; with 0, C is constant.
    over: "all" latent dimensions; of a joint code, only the "numbers" or the "categories", so that each can have its
        own capacity.
    free_bits: the least nats for each latent dimension, :math:`\sum_j \max(\lambda, \overline{D_j})` of the batch's
        means, so that switching off a latent dimension doesn't reduce the loss.

    Source: Kingma & Welling, Auto-encoding variational Bayes, ICLR (2014); β: Higgins et al., β-VAE, ICLR (2017);
    C: Burgess et al., Understanding disentangling in β-VAE (2018); free bits: Kingma et al., Improved variational
    inference with inverse autoregressive flow, NeurIPS (2016).
    """

    towards_prior: ClassVar[bool] = True
    cuttable: ClassVar[bool] = True
    later: ClassVar[tuple[str, ...]] = ("over",)

    mode: Literal["auto", "closed", "draws"] = "auto"
    capacity: Annotated[float, Field(ge=0)] | None = None
    capacity_epochs: Annotated[float, Field(ge=0)] = 0.0
    free_bits: Annotated[float, Field(ge=0)] = 0.0
    over: Literal["all", "numbers", "categories"] = "all"

    def auto_weight(self, spec: DataSpec) -> float:
        """The weight between 1 and the paper's 4, by the size of a sample."""
        return round(1 + (BETA - 1) * spec.share_of_picture, 2)

    @property
    def over_batch(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride] here it depends on the fields
        """Whether it depends on the batch's mean."""
        return self.capacity is not None or self.free_bits > 0

    @property
    def scheduled(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride] as above
        """Whether C grows."""
        return self.capacity is not None and self.capacity_epochs > 0

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the code has no posterior, or the fields contradict each other."""
        code = example(model).code
        if code.distribution is None:
            raise BlueprintError(
                f"{self.kind} needs a code with a distribution, but a {model.code.kind} code has none. "
                "Use a gaussian code (recipe 'vae'), or leave the penalty out."
            )
        if self.mode == "closed" and model.bound.by_draws:
            raise BlueprintError(
                f"bound='{model.bound.kind}' needs the KL of each draw, but mode='closed' gives all draws the same KL. "
                f"Set the {self.kind} penalty's mode='draws', or 'auto'."
            )
        if self.over != "all" and not isinstance(model.code, Joint):
            raise BlueprintError(
                f"The {self.kind} penalty's over='{self.over}' is for a joint code, but a {model.code.kind} code has "
                "no such parts. Set over='all'."
            )
        if model.code.relaxed and self._by_draws(model):
            raise BlueprintError(
                f"The {self.kind} penalty can't use draws of a {model.code.kind} code, which have no density in "
                "training. Set mode='closed' and bound='mean'."
            )
        closed = model.code.kl(code) is not None
        if self.mode == "closed" and not closed:
            raise BlueprintError(
                f"The prior {model.code.prior} has no KL in closed form. Set the {self.kind} penalty's mode='draws', "
                "or 'auto'."
            )
        if self.over_batch and (self._by_draws(model) or not closed):
            raise BlueprintError(
                f"A capacity or free bits need the batch's mean KL, but this {self.kind} is computed draw by draw. "
                "Leave them out, or set mode='closed' and bound='mean'."
            )

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) nats; (K·N,) by draws. With a capacity or free bits, each sample gets the batch's value."""
        posterior, prior = out.code.distribution, model.code.prior
        each = None if self._by_draws(model) and "code" in out.draws else model.code.kl(out.code)
        if each is None:
            if model.bound.separates:  # the encoder's gradient goes through z alone
                posterior = posterior.detached()
            return posterior.log_prob(out.code.z) - prior.of_pass(out, model)
        each = each.flatten(1)
        if self.over != "all":
            each = each[:, model.code.section(self.over, model.code_shape)]
        if not self.over_batch:
            return each.sum(1)
        cost = whole(each).mean(0).clamp(min=self.free_bits).sum()
        if self.capacity is not None:
            cost = (cost - self._capacity_at(self.capacity, out)).abs()
        return cost.expand(len(each))

    def _by_draws(self, model: Model) -> bool:
        return self.mode == "draws" or (self.mode == "auto" and model.bound.by_draws)

    def _capacity_at(self, capacity: float, out: Pass) -> Tensor | float:
        """C at this point of training; its full value after training."""
        if not self.scheduled or out.batch.epochs is None:
            return capacity
        return capacity * (out.batch.epochs[0] / self.capacity_epochs).clamp(max=1)
