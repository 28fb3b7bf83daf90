"""Norms that keep a deterministic autoencoder smooth: of the code, and of the decoder."""

from typing import Any, Literal

import torch
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts.forward_pass import Pass
from isthmus.parts.model import Model, predicted
from isthmus.parts.penalties.penalty import Penalty, Weight


class CodeNorm(Penalty):
    r"""Half the squared length of the code, :math:`\frac12\lVert z \rVert^2`: codes stay near 0, and near each other.

    It is what the KL to a standard normal prior says of a posterior's mean.

    Source: Ghosh et al., From variational to deterministic autoencoders, ICLR (2020).
    """

    def __call__(self, out: Pass, model: Model, draws: Any = None) -> Tensor:
        """(N,) half the squared lengths; (K·N,) for K draws of the code."""
        return 0.5 * out.code.z.flatten(1).square().sum(1)


class DecoderNorm(Penalty):
    r"""How steep the decoder is, so that codes between those of the samples decode to something between the samples.

    form: "weights", the sum of the decoder's squared weights :math:`\lVert\theta\rVert^2`; or "gradient", the squared
        Frobenius norm of its derivative :math:`\lVert\partial D / \partial z\rVert_F^2` at the code, by Hutchinson's
        estimate with one random sign for each number of the output.

    Source: Ghosh et al., From variational to deterministic autoencoders, ICLR (2020): RAE-L2 and RAE-GP.
    """

    weight: Weight = 1e-3
    form: Literal["weights", "gradient"] = "weights"

    def check(self, model: Model) -> None:
        """Raise BlueprintError if the decoder sees more than the code."""
        if self.form == "gradient" and not model.decodes:
            raise BlueprintError(
                "The decoder's gradient needs a decoder of the code alone, but this one sees more (skip connections, "
                "or a residual). Set the decoder-norm penalty's form='weights'."
            )

    def draw(self, count: int, model: Model, generator: torch.Generator) -> Tensor | None:
        """(N, *outputs) random signs, as bytes, for the gradient."""
        if self.form == "weights":
            return None
        shape = (count, *model.distance.outputs(model.shape))
        signs = torch.randint(0, 2, shape, generator=generator, dtype=torch.int8, device=generator.device)
        return signs * 2 - 1

    def __call__(self, out: Pass, model: Model, draws: Tensor | None = None) -> Tensor:
        """(N,) squared norms; (K·N,) for the gradients at K draws of the code. Without signs, all of them are 1."""
        if self.form == "weights":
            total = sum(weight.square().sum() for weight in model.decoder.parameters())
            return torch.as_tensor(total, device=out.output.device).to(out.output.dtype).expand(len(out.clean))
        signs = torch.ones_like(out.output) if draws is None else out.repeated(draws).to(out.output.dtype)
        labels = None if out.batch.labels is None else out.repeated(out.batch.labels)
        target = out.repeated(out.clean)
        slope: Any = torch.func.grad(lambda z: (predicted(model, z, target, labels) * signs).sum())(out.code.z)
        return slope.flatten(1).square().sum(1)
