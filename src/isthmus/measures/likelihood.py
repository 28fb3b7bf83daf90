"""Likelihood: the probability of samples under a model with a posterior, in nats."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.data.samples import Samples, placed
from isthmus.errors import BlueprintError
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts import ColumnLikelihood
from isthmus.parts.forward_pass import Pass
from isthmus.parts.model import eval_mode, example
from isthmus.seeds import seeded
from isthmus.shown import Shown

_ROWS_NUMBERS = 2**22
"""At most this many numbers of drawn reconstructions are held at once (16 MB in float32)."""
_BATCH = 100


@dataclass(frozen=True, eq=False, repr=False)
class Elbo(Shown):
    """The evidence lower bound of samples, in nats, in its two terms.

    distance: the mean over the samples of -log p(x|z), at one draw of the code each.
    kl: (*code) float64, the mean KL divergence of each latent dimension to the prior; near 0, the dimension isn't used.
        If the prior has no closed form, (1,): their sum, estimated from the draws.
    """

    distance: float
    kl: Tensor

    @property
    def value(self) -> float:
        """The bound, the mean over the samples; a VAE minimises its negative."""
        return -self.distance - float(self.kl.sum())


@dataclass(frozen=True, eq=False, repr=False)
class LogLikelihood(Shown):
    """log p(x) of samples, in nats.

    per_sample: (N,) float64. errors: (N,) float64, the standard error of each due to the draws.
    """

    per_sample: Tensor
    errors: Tensor

    @property
    def mean(self) -> float:
        """Over the samples."""
        return float(self.per_sample.mean())

    @property
    def standard_error(self) -> float:
        """The standard error of the mean, over samples of the same source and draws; NaN for one sample."""
        return float(self.per_sample.std()) / math.sqrt(len(self.per_sample))


def has_likelihood(model: Autoencoder) -> bool:
    """Whether it has an evidence lower bound: a code with a posterior, and a distance that is a likelihood."""
    return model.distance.likelihood and example(model).code.distribution is not None


def elbo(model: Autoencoder, samples: Samples, *, seed: int = 0) -> Elbo:
    """The evidence lower bound of `samples`, with the KL in closed form if the prior has one.

    It uses the model's likelihood and posterior; the weight β of the KL doesn't matter.

    Raises:
        BlueprintError: the model has no posterior, or its distance isn't a likelihood.
    """
    generator = seeded(seed)
    distance, kl = 0.0, torch.zeros(())
    with eval_mode(model):
        for raw, labels in samples.labelled(_BATCH):
            out = next(_draws(model, raw, labels, 1, generator))
            distance += float(model.objective.distances(out).cpu().double().sum())
            kl = kl + _kl(model, out).cpu().double().sum(0)
    return Elbo(distance / len(samples), kl / len(samples))


def log_likelihood(
    model: Autoencoder, samples: Samples, *, draws: int = 5000, seed: int = 0, shared: bool = False
) -> LogLikelihood:
    r"""The log-likelihood of `samples`, by importance weighting, streaming over the draws.

    :math:`\log p(x) \approx \log\frac1S\sum_s w_s,\ w_s = p(x|z_s)\,p(z_s) / q(z_s|x)` with draws z of the posterior q.
    On average it is a lower bound: the ELBO for one draw, and tighter with more draws. The errors are by the delta
    method, :math:`\sqrt{(\overline{w^2} / \bar w^2 - 1) / S}`.

    shared: use the same random numbers for every sample. A sample's value then doesn't depend on the other samples,
        but the errors of the samples are not independent.

    Source: Burda, Grosse & Salakhutdinov, Importance weighted autoencoders, ICLR (2016).

    Raises:
        BlueprintError: the model has no posterior, or its distance is no likelihood.
    """
    generator = seeded(seed)
    noise = model.code.draw(1, model.code_shape, generator, draws=draws) if shared else None
    found: list[tuple[Tensor, Tensor]] = []
    with eval_mode(model):
        for raw, labels in samples.labelled(_BATCH):
            once = twice = torch.full((len(raw),), -math.inf, dtype=torch.float64)
            for out in _draws(model, raw, labels, draws, generator, noise):
                weights = _log_weights(model, out)
                once = torch.logaddexp(once, weights.logsumexp(0))
                twice = torch.logaddexp(twice, (2 * weights).logsumexp(0))
            spread = (twice - 2 * once + math.log(draws)).expm1().clamp(min=0)
            found.append((once - math.log(draws), (spread / draws).sqrt()))
    per_sample, errors = (torch.cat(every) for every in zip(*found, strict=True))
    return LogLikelihood(per_sample, errors)


def bits_per_dimension(model: Autoencoder, log_likelihood: float, samples: Samples | None = None) -> float:
    r"""Bits per number of a sample, from log p(x) in nats: :math:`-\log_2 p(x) / D`.

    For a density, they refer to raw data with a precision of 1 in their unit (for example a step of a byte): the scaled
    data's bits, plus the mean logarithm of the scale, and of the slope of the scaling's curve at these values.

    samples: those of the log-likelihood; needed for a density of columns with a curve only.

    Raises:
        BlueprintError: they are needed, but not given.
    """
    nats = -log_likelihood / math.prod(model.shape)
    if model.distance.density:
        nats += float(model.scaling.scale.cpu().double().log().mean())
        nats -= _log_slope(model, samples)
    return nats / math.log(2)


def log_density(model: Autoencoder, log_likelihood: Tensor, samples: Samples) -> Tensor:
    r"""(N,) float64 log-densities of samples in the units of the raw data, in nats, from their log p(x).

    The densities of numbers and the probabilities of categories are multiplied. A density of scaled values is divided
    by the scale, and multiplied by the slope of the scaling's curve. A probability of a number that is rounded to steps
    of δ becomes a density by dividing by δ. Missing numbers don't count. A probability of a byte or a token stays one.
    """
    steps = _log_steps(model)
    if steps is None:
        return log_likelihood
    curve = model.scaling.curve if model.distance.density else None
    found = []
    for raw in samples.batches(samples.at_a_time):
        known = ~raw.isnan() if raw.is_floating_point() else torch.ones(raw.shape, dtype=torch.bool)
        nats = steps.expand(raw.shape)
        if curve is not None:
            nats = nats - curve.log_slope(raw.cpu().double())
        found.append(torch.where(known, nats, 0).flatten(1).sum(1))
    return log_likelihood.double() - torch.cat(found)


def _log_steps(model: Autoencoder) -> Tensor | None:
    """(*shape) or a shape that broadcasts: by how much the log of a number's density is below that of its likelihood.

    None if the likelihood is a probability of values without a unit.
    """
    scale, distance = model.scaling.scale.cpu().double(), model.distance
    if distance.density:
        return scale.log()
    if isinstance(distance, ColumnLikelihood):
        curve = model.scaling.curve
        return distance.log_steps(scale, None if curve is None else curve.unit.cpu())
    return None


def _log_slope(model: Autoencoder, samples: Samples | None) -> float:
    """The mean logarithm of the slope of the scaling's curve, over the known numbers of the samples."""
    curve = model.scaling.curve
    if curve is None:
        return 0.0
    if samples is None:
        raise BlueprintError("Some columns are scaled by a curve, whose slope differs. Give the samples (samples=).")
    slopes = [curve.log_slope(raw.cpu().double()) for raw in samples.batches(samples.at_a_time)]
    return float(torch.cat(slopes).nanmean())


def _draws(
    model: Autoencoder,
    raw: Tensor,
    labels: Tensor | None,
    draws: int,
    generator: torch.Generator,
    shared: Tensor | None = None,
) -> Iterator[Pass]:
    """Passes of one batch that make `draws` of each sample's code together.

    shared: (1, draws, ...) random numbers for all samples, instead of new ones.
    """
    if not model.distance.likelihood:
        raise BlueprintError(
            f"This model has no likelihood, because its distance {model.distance.kind} isn't one. "
            "Use a distance that is a likelihood, such as 'bce' or 'gaussian'."
        )
    at_once = max(1, min(draws, _ROWS_NUMBERS // (len(raw) * math.prod(model.shape))))
    raw = placed(raw, model.device)
    labels = None if labels is None else labels.to(model.device)
    for start in range(0, draws, at_once):
        count = min(at_once, draws - start)
        if shared is None:
            drawn = model.code.draw(len(raw), model.code_shape, generator, draws=count)
        else:
            drawn = shared[:, start : start + count].expand(len(raw), *[-1] * (shared.ndim - 1))
        drawn = {} if drawn is None else {"code": drawn.to(model.device, model.scaling.scale.dtype)}
        out = model(raw, drawn, labels)
        if out.code.distribution is None:
            raise BlueprintError(
                f"This model has no likelihood, because its code ({model.code.kind}) has no distribution. "
                "Use a gaussian code (recipe 'vae')."
            )
        yield out


def _kl(model: Autoencoder, out: Pass) -> Tensor:
    """(N, *code) KL divergence of the posterior to the prior; (N, 1) at the draw, without a closed form."""
    posterior, prior, z = out.code.distribution, model.code.prior, out.code.z
    closed = None if prior.afterwards else model.code.kl(out.code)  # whose formula is of the prior in training
    return (posterior.log_prob(z) - prior.log_prob(z, model))[:, None] if closed is None else closed


def _log_weights(model: Autoencoder, out: Pass) -> Tensor:
    """(K, N) float64 log w of each draw."""
    z = out.code.z
    weights = model.code.prior.log_prob(z, model) - out.code.distribution.log_prob(z) - model.objective.distances(out)
    return weights.cpu().double().view(-1, len(out.clean))
