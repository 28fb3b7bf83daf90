"""The memoriser: one latent dimension, a large network and few samples, so that the code can be a sample's number.

python examples/lectures/memoriser.py [PICTURE] [--quick]
"""

import argparse

import torch

import isthmus as ist
from isthmus.drawing.figures import picture_grid
from isthmus.drawing.theme import write_png

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("picture", nargs="?", default="memoriser.png")
options.add_argument("--quick", action="store_true", help="few epochs, to check that it runs")
given = options.parse_args()
epochs = 5 if given.quick else 2000

digits = ist.open_data("digits")
data = ist.open_data(digits.train.take(range(80)), validation=0.0, test=0.5)  # 40 to learn, 40 that it never sees
model = ist.recipe("deep", code=1, widths=(256, 256)).build(data)
run = ist.fit(model, data, epochs=epochs, batch_size=8, learning_rate=1e-3, schedule="cosine", progress=False)

errors = run.evaluate()
seen, new = (1 - errors[part]["mse"]["model"] / errors[part]["mse"]["mean"] for part in ("train", "test"))
pca = 1 - errors["train"]["mse"]["pca"] / errors["train"]["mse"]["mean"]
train, test = (data.scaling(part.tensor()).flatten(1) for part in (data.train, data.test))
made = data.scaling(run.reconstruct(data.test)).flatten(1)
away, nearest = torch.cdist(made, train).min(dim=1)
mistaken = (away < (made - test).norm(dim=1)).float().mean()  # nearer to a learnt digit than to the one that went in

in_order = run.encode(data.train).flatten().argsort()
learnt = in_order[torch.linspace(0, len(in_order) - 1, 10).round().long()]
rows = {
    "learnt": train[learnt],
    "learnt, decoded": data.scaling(run.reconstruct(data.train.take(learnt))),
    "new": test[:10],
    "new, decoded": made[:10],
    "nearest learnt": train[nearest[:10]],
}
captions = [f"{float(code):.1f}" for code in run.encode(data.train.take(learnt))]
write_png(given.picture, picture_grid({row: x.reshape(-1, 1, 8, 8) for row, x in rows.items()}, captions=captions))

labels = data.train.labels[in_order]
alike = (labels[1:] == labels[:-1]).float().mean()
chance = (labels.bincount() / len(labels)).square().sum()
found = [f"{finding.name} ({finding.number:.2f} {finding.unit})" for finding in ist.diagnose(run)]
print(
    f"With one latent dimension, the model explains {seen:.0%} of the variance of its {len(train)} training digits "
    f"(PCA: {pca:.0%}) and {new:.0%} of new digits: it reconstructs {mistaken:.0%} of these closer to a training digit "
    f"than to themselves. Along the code, from {captions[0]} to {captions[-1]}, {alike:.0%} of neighbours have the "
    f"same class (by chance: {chance:.0%}), and the doctor finds {' and '.join(found) or 'nothing, 0 problems'}."
)
