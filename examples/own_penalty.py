"""A penalty of your own: total variation, which keeps reconstructions smooth.

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
plain = ist.recipe("deep", code=16, distance="mse")
smooth = plain.replace(penalties=(TotalVariation(weight=0.1),))
# a saved model names the penalty by its kind, "total-variation"
assert ist.Blueprint.from_json(smooth.to_json()) == smooth

rough, error = {}, {}
for name, blueprint in {"plain": plain, "smooth": smooth}.items():
    model = blueprint.build(data)
    run = ist.fit(model, data, epochs=15, learning_rate=3e-3, progress=False)
    made = data.scaling(run.reconstruct(data.test))  # 0 is black, 1 is white
    rough[name] = float(variation(made).mean())
    error[name] = run.evaluate()["test"]["mse"]["model"]

print(
    "With the penalty, neighbouring pixels of new digits differ by "
    f"{rough['smooth']:.3f} instead of {rough['plain']:.3f}, and the mean "
    f"squared error is {error['smooth']:.4f} instead of {error['plain']:.4f}."
)
