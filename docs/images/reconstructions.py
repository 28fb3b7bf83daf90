"""Make reconstructions.png, the picture of the README: MNIST's test digits, rebuilt by a deep autoencoder and by PCA.

python docs/images/reconstructions.py
"""

from pathlib import Path

import torch

import isthmus as ist
from isthmus.drawing.figures import picture_grid

data = ist.open_data("mnist")
model = ist.recipe("deep", code=16, widths=(512, 256)).build(data)
run = ist.fit(model, data, epochs=20, learning_rate=2e-3, schedule="cosine")
print({rival: round(value, 2) for rival, value in run.evaluate()["test"]["sse"].items()})

labels = data.test.labels
assert labels is not None
first = [int((labels == digit).nonzero()[0, 0]) for digit in range(10)]
digits = data.test.batch(torch.tensor(first))
scaled = data.scaling(digits)
rows = {
    "original": scaled,
    "model": data.scaling(run.reconstruct(data.test.take(first))),
    "PCA": run.baseline().reconstruct(scaled),
}
figure = picture_grid(rows)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=200, facecolor="white", bbox_inches="tight")
