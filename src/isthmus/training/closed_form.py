"""Training in closed form: the best weights of a linear autoencoder are the principal components."""

import time
from typing import Any

import torch
from torch import nn

from isthmus.data import Samples
from isthmus.data.samples import placed
from isthmus.errors import BlueprintError
from isthmus.model.autoencoder import Autoencoder
from isthmus.parts import Dense, Plain
from isthmus.parts.layers import TiedLinear
from isthmus.pca import principal_components


def solve(model: Autoencoder, train: Samples, validation: Samples | None) -> list[dict[str, Any]]:
    r"""Set the best weights of a linear tied autoencoder. Returns the history (one row).

    With the components :math:`W` and the mean :math:`m`: :math:`z = Wx - Wm` and :math:`\hat x = W^\top z + m`.

    Raises:
        BlueprintError: the model isn't linear and tied, so its best weights have no closed form.

    Source: Baldi & Hornik, Neural networks and principal component analysis (1989).
    """
    began = time.perf_counter()
    product, transpose = _linear_pair(model)
    found = principal_components(train, model.scaling, product.out_features)
    with torch.no_grad():
        for own, best in zip((product.weight, product.bias, transpose.bias), found.linear(), strict=True):
            own.copy_(best)
    model.eval()
    seconds = time.perf_counter() - began
    row: dict[str, Any] = {"epoch": 1, "loss": _mean_loss(model, train)}
    if validation is not None and len(validation):
        row["validation_loss"] = _mean_loss(model, validation)
    return [row | {"seconds": seconds, "samples_per_second": len(train) / max(seconds, 1e-9)}]


def _linear_pair(model: Autoencoder) -> tuple[nn.Linear, TiedLinear]:
    """The one product and its transpose."""
    network = model.blueprint.network if model.blueprint else None
    plain = isinstance(model.code, Plain) and model.code.activation == "identity"
    products = [layer for layer in model.encoder.modules() if isinstance(layer, nn.Linear)]
    transposes = [layer for layer in model.decoder.modules() if isinstance(layer, TiedLinear)]
    linear = isinstance(network, Dense) and not network.widths and model.distance.link == "identity"
    if not (plain and linear and len(products) == 1 and len(transposes) == 1):
        raise BlueprintError(
            "Only a linear tied autoencoder has a closed form: a dense network without widths and with tied=True, a "
            "plain code without activation, and link='identity'. Set solution='gradient' for other models."
        )
    return products[0], transposes[0]


@torch.no_grad()
def _mean_loss(model: Autoencoder, samples: Samples) -> float:
    device = next(model.parameters()).device
    total = sum(float(model.loss(model(placed(raw, device)))[0]) * len(raw) for raw in samples.batches(4096))
    return total / len(samples)
