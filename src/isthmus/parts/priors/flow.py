"""The flow prior: a standard normal, transformed by invertible layers."""

from types import ModuleType
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.extras import needs
from isthmus.parts.model import Model
from isthmus.parts.priors.prior import Prior


class FlowPrior(Prior):
    r"""A normalising flow: :math:`\log p(z) = \log\mathcal N(f(z); 0, I) + \log|\det\partial f / \partial z|`.

    f is masked autoregressive, so a density takes one pass through it, and a draw takes one pass for each latent
    dimension. The prior can take nearly any shape, so the codes need not be normally distributed.

    transforms: the number of the flow's layers. widths: of the network in each layer.

    Source: Papamakarios, Pavlakou & Murray, Masked autoregressive flow for density estimation, NeurIPS (2017); as a
    prior Chen et al., Variational lossy autoencoder, ICLR (2017); `zuko`.
    """

    kind: ClassVar[str] = "flow"
    compiles: ClassVar[bool] = False

    transforms: Annotated[int, Field(ge=1)] = 3
    widths: tuple[Annotated[int, Field(ge=1)], ...] = (128, 128)

    def module(self, model: Model, generator: torch.Generator) -> nn.Module:
        """The flow over flat codes."""
        size = model.code_shape[0] if len(model.code_shape) == 1 else torch.Size(model.code_shape).numel()
        with torch.random.fork_rng(devices=[]):  # its layers draw from PyTorch's global random state
            torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=generator)))
            return _library().flows.MAF(size, transforms=self.transforms, hidden_features=self.widths)

    def log_prob(self, z: Tensor, model: Model) -> Tensor:
        """(N, *code) to (N,) nats."""
        return self._flow(model).log_prob(z.flatten(1))

    def sample(self, draws: Any, model: Model) -> Tensor:
        """(N, *code) standard normal numbers to (N, *code)."""
        return self._flow(model).transform.inv(draws.flatten(1)).view_as(draws)

    def _flow(self, model: Model) -> Any:
        return model.module_of(self)()


def _library() -> ModuleType:
    return needs("zuko", "flow", "The prior 'flow'")
