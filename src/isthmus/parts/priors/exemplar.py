"""The exemplar prior: a mixture with a component at the code of each sample of the training part."""

import math
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.forward_pass import Pass
from isthmus.parts.gaussians import DiagonalGaussian, standard_log_prob
from isthmus.parts.model import Model, example
from isthmus.parts.priors.mixture import _ByComponent
from isthmus.parts.priors.prior import evenly_spread
from isthmus.parts.shared_batch import own, whole, whole_count

PAIRS = 2**24
"""At most this many pairs of a code and an exemplar are held at once."""


class ExemplarPrior(_ByComponent):
    r"""A normal distribution around each exemplar: :math:`p(z) = \frac1M \sum_m \mathcal N(z; \mu(x_m), \sigma^2 I)`.

    The exemplars are samples of the training part; μ is the encoder's mean, and σ is one learnt number. In training,
    the exemplars of a sample are the *other* samples of its batch: with itself among them, the prior would only
    remember. They are encoded anyway, so a step takes hardly longer. Larger batches give more exemplars. After
    training, the means of the training part are stored, and density and draws use them.

    exemplars: how many means are stored, of samples that are evenly spread.

    Source: Norouzi, Fleet & Norouzi, Exemplar VAE: linking generative models, nearest neighbor retrieval, and data
    augmentation, NeurIPS (2020), who search each code's nearest exemplars in the whole training part.
    """

    kind: ClassVar[str] = "exemplar"
    over_batch: ClassVar[bool] = True
    afterwards: ClassVar[Literal["", "means", "draws"]] = "means"

    exemplars: Annotated[int, Field(ge=1)] = 5000

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the code has no normal posterior."""
        if not isinstance(example(model).code.distribution, DiagonalGaussian):
            raise BlueprintError(
                f"The prior 'exemplar' needs a code with a normal posterior, but a {model.code.kind} code has none. "
                "Use a gaussian code (recipe 'exemplar-vae')."
            )

    def module(self, model: Model, generator: torch.Generator) -> nn.Module:
        """σ, and the place for the means."""
        return Exemplars(self.exemplars, math.prod(model.code_shape))

    def learn(self, codes: Tensor, module: nn.Module, generator: torch.Generator) -> None:
        """Store (N, *code) means."""
        assert isinstance(module, Exemplars)
        count = min(len(codes), self.exemplars)
        module.means[:count] = codes[evenly_spread(len(codes), count)].flatten(1).to(module.means)
        module.count.fill_(count)
        module.known = count

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, *code) to (N,) nats; of a standard normal as long as no means are stored."""
        module = self._exemplars(model)
        means = module.stored()
        if not len(means):
            return standard_log_prob(z)
        pieces = z.flatten(1).split(max(1, PAIRS // len(means)))
        return torch.cat([module.log_densities(piece, means).logsumexp(1) for piece in pieces]) - math.log(len(means))

    def of_pass(self, out: Pass, model: Model) -> Tensor:
        """(K·N,) nats: in training, and until the means are stored, by the other samples of the batch."""
        module, posterior = self._exemplars(model), out.code.distribution
        count = whole_count(len(posterior.mean))
        if count < 2 or not (module.training or not len(module.stored())):
            return self.log_prob(out.code.z, model)
        means = whole(posterior.mean.flatten(1))
        found = module.log_densities(out.code.z.flatten(1), means)
        itself = own(torch.eye(count, dtype=torch.bool, device=found.device))
        found = found.view(-1, *itself.shape).masked_fill(itself, -math.inf)
        return found.logsumexp(2).flatten() - math.log(count - 1)

    def sample(self, draws: Any, model: Model) -> Tensor:
        """(N, *code)."""
        module, noise = self._exemplars(model), draws["noise"]
        means = module.stored()
        if not len(means):
            return noise
        chosen = (draws["component"] * len(means)).long().clamp(max=len(means) - 1)
        return means[chosen].view_as(noise) + (0.5 * module.log_variance).exp() * noise

    def _exemplars(self, model: Model) -> "Exemplars":
        module = model.module_of(self)
        assert isinstance(module, Exemplars)
        return module


class Exemplars(nn.Module):
    """log_variance: log σ². means: (M, D), of which the first `count` are stored."""

    means: Tensor
    count: Tensor

    def __init__(self, most: int, size: int) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(()))
        self.register_buffer("means", torch.zeros(most, size))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.known: int | None = 0
        """`count`, so that an accelerator is asked for it once; None if it was loaded and not asked for yet."""

    def stored(self) -> Tensor:
        """(count, D)."""
        if self.known is None:
            self.known = int(self.count)
        return self.means[: self.known]

    def _load_from_state_dict(self, *given: Any, **words: Any) -> None:
        super()._load_from_state_dict(*given, **words)
        self.known = None

    def log_densities(self, z: Tensor, means: Tensor) -> Tensor:
        """(N, D), (M, D) to (N, M) nats of each code at each exemplar."""
        with torch.autocast(z.device.type, enabled=False):  # in bfloat16, the subtraction would cancel
            squares = z.square().sum(1)[:, None] + means.square().sum(1) - 2 * z @ means.T
        scaled = squares.clamp(min=0) * (-self.log_variance).exp()
        return -0.5 * (scaled + z.shape[1] * (self.log_variance + math.log(2 * math.pi)))
