"""A penalty of your own: the total variation of the reconstruction, which keeps it smooth.

python examples/own_penalty.py
"""

from typing import Any

import torch
from torch import Tensor

import isthmus as ist
from isthmus.parts import Penalty


class TotalVariation(Penalty):
    """Mean absolute difference of neighbouring pixels of the reconstruction.

    axes: 1 for differences from left to right, 2 for those from top to bottom too.
    """

    axes: int = 2

    def __call__(self, out: ist.Pass, model: Any, draws: Any = None) -> Tensor:
        """(N,) penalty of each sample, before the weight."""
        return variation(out.reconstruction, self.axes)


def variation(pictures: Tensor, axes: int = 2) -> Tensor:
    """(N, C, H, W) to (N,): the mean absolute difference along the last `axes`."""
    steps = [pictures.diff(dim=-axis).abs() for axis in range(1, axes + 1)]
    return torch.stack([step.flatten(1).mean(1) for step in steps]).mean(0)


data = ist.open_data("digits")
plain = ist.recipe("deep", code=16, distance="mse")  # a mean over the pixels, as the penalty is
smooth = plain.replace(penalties=(TotalVariation(weight=0.1),))
assert ist.Blueprint.from_json(smooth.to_json()) == smooth  # a saved model names the penalty by its kind

rough, error = {}, {}
for name, blueprint in {"plain": plain, "smooth": smooth}.items():
    run = ist.fit(blueprint.build(data), data, epochs=15, learning_rate=3e-3, progress=False)
    rough[name] = float(variation(data.scaling(run.reconstruct(data.test))).mean())
    error[name] = run.evaluate()["test"]["mse"]["model"]

print(
    f"With the penalty, neighbouring pixels of new digits differ by {rough['smooth']:.3f} instead of "
    f"{rough['plain']:.3f} on a scale from 0 to 1, and the mean squared error is {error['smooth']:.4f} "
    f"instead of {error['plain']:.4f}."
)
