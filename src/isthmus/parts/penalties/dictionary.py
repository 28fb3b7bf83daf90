"""Penalties of sparse dictionaries: the count of active latents, gates, decoder norms, prefixes, dead latents."""

import math
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.errors import BlueprintError
from isthmus.parts.codes.gated import PAYS
from isthmus.parts.codes.jump_relu import JumpRelu, rectangle, through
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.forward_pass import Pass
from isthmus.parts.layers import Chain, frozen
from isthmus.parts.model import Model
from isthmus.parts.part import Shape
from isthmus.parts.penalties.penalty import Penalty, Weight
from isthmus.parts.shared_batch import total, whole_count

ACTIVE = 2.0
"""The cost of an active latent dimension, in variances of the data, relative to the sum of a sample's squared errors.

A feature pays if it exceeds the root of this, in standard deviations: 1 is what a direction has by chance."""
PRICE, GATE_PRICE = 1.5, 2 * PAYS
"""The cost of an activation, in standard deviations of the data, relative to the same sum; and of a gate.

A gate may cost more, because gates don't shrink what is reconstructed."""
SILENT = 10_000_000
"""The most samples after which a latent dimension that was never active is dead."""


class CodeL0(Penalty):
    r"""The number of active latent dimensions, :math:`\sum_i H(f_i - \theta_i)`; for a code with learnt thresholds.

    Its gradient goes to the thresholds alone, by the straight-through estimator of the code (`JumpRelu`).

    weight: "auto" is decided from the data: `ACTIVE` times their variance, divided by a sample's numbers, for a
        distance that is a mean over these.

    Source: Rajamanoharan et al., Jumping ahead: improving reconstruction fidelity with JumpReLU sparse autoencoders
    (2024), arXiv 2407.14435.
    """

    weight: Weight = 1e-3

    def auto_weight(self, spec: DataSpec) -> float:
        """The weight: 0.0078 for 256 numbers of variance 1."""
        return float(f"{ACTIVE * (spec.deviation or 1.0) ** 2 / (spec.inputs or 256):.3g}")

    def check(self, model: Model) -> None:
        """Raise BlueprintError unless the code has thresholds."""
        if not isinstance(model.code, JumpRelu):
            raise BlueprintError(
                f"code-l0 needs a code with learnt thresholds, but a {model.code.kind} code has none. "
                "Set code='jump-relu', or use another penalty, such as activation-l1."
            )

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) counts."""
        gates = _gates(out).flatten(1)
        slope = rectangle(gates.detach(), model.code.bandwidth)
        return ((gates > 0) + through(slope * gates)).sum(1)


class GateL1(Penalty):
    r"""The sum of the positive gates, :math:`\sum_i \mathrm{relu}(\pi_i)`; for a sparse code.

    weight: "auto" is decided from the data: `GATE_PRICE` times their standard deviation, divided by a sample's numbers,
        for a distance that is a mean over these.

    Source: Rajamanoharan et al., Improving dictionary learning with gated sparse autoencoders, NeurIPS (2024).
    """

    weight: Weight = 1e-3

    def auto_weight(self, spec: DataSpec) -> float:
        """The weight: 0.012 for 256 numbers of variance 1."""
        return float(f"{GATE_PRICE * (spec.deviation or 1.0) / (spec.inputs or 256):.3g}")

    def check(self, model: Model) -> None:
        """Raise BlueprintError unless the code is sparse."""
        _check_gates(self, model)

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) sums."""
        return _gates(out).flatten(1).relu().sum(1)


class GateError(Penalty):
    r"""The distance of the reconstruction from the gates, :math:`\hat x(\mathrm{relu}(\pi))`, with a fixed decoder.

    So the gates of a gated code learn, whose step has no gradient.

    Source: Rajamanoharan et al., Improving dictionary learning with gated sparse autoencoders, NeurIPS (2024).
    """

    def check(self, model: Model) -> None:
        """Raise BlueprintError unless the code is sparse."""
        _check_gates(self, model)

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) distances."""
        given = model.conditioning.to_decoder(_gates(out).relu(), out.batch.labels)
        return _distance(frozen(model.decoder)(given), out, model)


class DecoderL1(Penalty):
    r"""The activations times the norms of their directions, :math:`\sum_i |z_i| \sum_l \lVert d_i^l \rVert`.

    For directions that aren't kept at norm 1. Samples of shape (L, d) hold L layers of another network. Each layer's
    part of a direction then has a norm of its own: those that are 0 say that a feature isn't in a layer.

    weight: "auto" is decided from the data: `PRICE` times their standard deviation, divided by a sample's numbers.

    Source: Lindsey et al., Sparse crosscoders for cross-layer features and model diffing, Transformer Circuits (2024).
    """

    weight: Weight = 1e-3

    def auto_weight(self, spec: DataSpec) -> float:
        """The weight: 0.0059 for 256 numbers of variance 1."""
        return float(f"{PRICE * (spec.deviation or 1.0) / (spec.inputs or 256):.3g}")

    def check(self, model: Model) -> None:
        """Raise BlueprintError unless the decoder is a dictionary."""
        _directions(self, model)

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) weighted sums."""
        norms = layer_norms(_directions(self, model), model.shape).sum(0)
        return out.code.z.flatten(1).abs() @ norms.to(out.code.z.dtype)


class Prefixes(Penalty):
    r"""The sum of the distances of the reconstructions from the first :math:`m` latent dimensions, for several m.

    The first dimensions must then explain the samples without the later ones, so they learn general features, and the
    later ones details. The model's distance, from all dimensions, isn't part of the sum.

    shares: the m, as shares of the code.

    Source: Bussmann et al., Learning multi-level features with Matryoshka sparse autoencoders, ICML (2025).
    """

    shares: Annotated[tuple[Annotated[float, Field(gt=0, lt=1)], ...], Field(min_length=1)] = (
        *(1 / 32, 3 / 32),
        *(7 / 32, 15 / 32),
    )

    def check(self, model: Model) -> None:
        """Raise BlueprintError unless the decoder is a dictionary."""
        _directions(self, model)

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) summed distances."""
        output, z = _directions(self, model), out.code.z.flatten(1)
        made: Tensor = output.bias
        summed, begin = torch.zeros_like(z[:, 0]), 0
        for end in prefixes(self.shares, z.shape[1]):
            made = made + F.linear(z[:, begin:end], output.weight[:, begin:end])
            summed, begin = summed + _distance(made.view(-1, *model.shape), out, model), end
        return summed


def prefixes(shares: tuple[float, ...], size: int) -> list[int]:
    """The lengths of the prefixes of a code of this size: in order, without the whole."""
    return sorted({max(1, round(share * size)) for share in shares} - {size})


class DeadLatents(Penalty):
    r"""The error of the dead latent dimensions' reconstruction of the model's error, :math:`\lVert e - W z' \rVert^2`.

    A dimension that hasn't been active for `after` samples is dead: it gets no gradient, and would stay so. Here, the
    `most` dead dimensions with the largest gates of a sample learn to reconstruct what the others left over,
    :math:`e = x - \hat x`, whose gradient is stopped. If there are fewer of them, the penalty is smaller in proportion;
    without any, it is 0.

    after: in samples; "auto" is ten million, as in the paper, or the training part's size if that is less.
    most: how many dead dimensions; "auto" is half of a sample's numbers.

    Source: Gao et al., Scaling and evaluating sparse autoencoders (2024), arXiv 2406.04093, appendix A.2; the
    proportion: SAELens.
    """

    over_batch: ClassVar[bool] = True

    weight: Weight = 1 / 32
    after: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    most: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"

    def resolve(self, spec: DataSpec) -> Self:
        """The same penalty with `after` decided from the data."""
        after = min(SILENT, spec.rows or SILENT) if self.after == "auto" else self.after
        return super().resolve(spec).replace(after=after)

    def check(self, model: Model) -> None:
        """Raise BlueprintError unless the code is sparse, and the decoder a dictionary."""
        _check_gates(self, model)
        _directions(self, model)

    def module(self, shape: Shape, code: Shape, generator: torch.Generator) -> nn.Module:
        """The counts of samples since each dimension was active."""
        return Silence(math.prod(code))

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) mean squared errors, as `Mse`. In training mode, the counts go on."""
        silence, output, z = model.module_of(self), _directions(self, model), out.code.z.flatten(1)
        assert isinstance(silence, Silence)
        dead = silence.samples >= (SILENT if self.after == "auto" else self.after)
        if silence.training:
            silence.count(z.detach())
        most = max(1, math.prod(model.shape) // 2) if self.most == "auto" else self.most
        gates = torch.where(dead, _gates(out).flatten(1), -torch.inf)
        kept = gates.topk(min(most, gates.shape[1]), sorted=False)
        revived = torch.zeros_like(gates).scatter(1, kept.indices, kept.values.relu())
        left = (out.clean - out.reconstruction).detach().flatten(1)
        error = (F.linear(revived, output.weight).to(left.dtype) - left).square().mean(1)
        return error * (dead.sum() / most).clamp(max=1.0)


class Silence(nn.Module):
    """(code,) the number of samples since each latent dimension was active."""

    samples: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("samples", torch.zeros(size))

    @torch.no_grad()
    def count(self, z: Tensor) -> None:
        """Go on by the (N, code) codes of a batch."""
        active = total((z != 0).sum(0).to(self.samples.dtype)) > 0
        self.samples.copy_(torch.where(active, 0.0, self.samples + whole_count(len(z))))


def layer_norms(output: nn.Linear, shape: Shape) -> Tensor:
    """(L, code) the norms of the directions' parts in each layer, for samples of shape (L, d); (1, code) for (d,)."""
    layers = shape[0] if len(shape) > 1 else 1
    return output.weight.view(layers, -1, output.weight.shape[1]).norm(dim=1)


def _gates(out: Pass) -> Tensor:
    assert out.code.gates is not None
    return out.code.gates


def _distance(output: Tensor, out: Pass, model: Model) -> Tensor:
    mask = () if out.observed is None else (out.observed,)
    return model.distance(output.to(out.clean.dtype), out.clean, *mask)


def _check_gates(penalty: Penalty, model: Model) -> None:
    if not model.code.gates:
        raise BlueprintError(
            f"{penalty.kind} needs a sparse code, but a {model.code.kind} code has no gates. "
            "Set code='top-k', 'batch-top-k', 'jump-relu' or 'gated'."
        )


def _directions(penalty: Penalty, model: Model) -> nn.Linear:
    """The decoder's linear layer.

    Raises:
        BlueprintError: the decoder isn't a dictionary.
    """
    decoder = model.decoder
    output = getattr(decoder, "output", None)
    names = {name for name, _ in decoder.named_children()} if isinstance(decoder, Chain) else set[str]()
    if not isinstance(output, nn.Linear) or not names <= {"flatten", "output", "unflatten"}:
        raise BlueprintError(
            f"{penalty.kind} needs a decoder of one linear layer without labels. Set network='dictionary'."
        )
    return output
