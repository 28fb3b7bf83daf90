"""Is pretraining still worth it? Few labels, a network of 2006 and one of today, pretrained and from scratch.

python examples/lectures/pretraining.py [PICTURE] [--quick]
"""

import argparse
import os
import tempfile
from pathlib import Path

import isthmus as ist
from isthmus.drawing.theme import LIGHT, drawing, sheet, write_png

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("picture", nargs="?", default="pretraining.png")
options.add_argument("--quick", action="store_true", help="small digits and few epochs, to check that it runs")
given = options.parse_args()
data = ist.open_data("digits" if given.quick or "ISTHMUS_DATA" not in os.environ else "mnist")
labels = [20, 100] if given.quick else [100, 300, 1000]

network = {"code": 30, "widths": (256, 128, 64)}
kinds = {  # layer by layer, as it was done then; all layers at once, as it would be now
    "logistic": (ist.recipe("stacked", **network), {"epochs": 1 if given.quick else 4, "layer_epochs": 1}),
    "SiLU": (ist.recipe("deep", **network), {"epochs": 2 if given.quick else 8}),
}
ways = {"fine-tuned": "pretrained", "from scratch": "from scratch", "data, logistic regression": "no network"}
found = {}
with tempfile.TemporaryDirectory() as folder, drawing(LIGHT):
    figure = sheet(8, 3.8)
    for place, (name, (blueprint, epochs)) in enumerate(kinds.items()):
        home = Path(folder) / name
        ist.fit(blueprint.build(data), data, out=home, progress=False, schedule="cosine", **epochs)
        short = {"seeds": 1, "epochs": 1} if given.quick else {"seeds": 2}
        found[name] = ist.pretrain(home, data, labels, out=home / "study", ways=tuple(ways), **short)

        axes = figure.add_subplot(1, 2, place + 1, title=f"{name} units", xlabel="labels", ylabel="accuracy")
        for colour, (way, called) in zip(("model", "pca", "mean"), ways.items(), strict=True):
            means = [found[name].accuracy(way, count)[0] for count in labels]
            axes.plot(labels, means, "o-", color=LIGHT.rivals[colour], label=called)
        axes.set(xscale="log", ylim=(0, 1), xticks=labels, xticklabels=labels)
        axes.minorticks_off()
        axes.grid(axis="y")
        axes.legend(loc="lower right")
    write_png(given.picture, figure)

told = {
    name: [f"{study.accuracy(way, count)[0]:.1%}" for count in (labels[0], labels[-1]) for way in ways]
    for name, study in found.items()
}
old, new = told["logistic"], told["SiLU"]
print(
    f"With {labels[0]} labels, a network of logistic units classifies {old[0]} of new digits correctly if pretrained "
    f"and {old[1]} from scratch, one of SiLU units {new[0]} and {new[1]}, and logistic regression {new[2]}. "
    f"With {labels[-1]:,} labels the shares are {old[3]} and {old[4]}, {new[3]} and {new[4]}, and {new[5]}."
)
