"""Sparse, contractive and denoising: one network, and three ways to keep it from copying.

python examples/lectures/three_regularisers.py [PICTURE] [--quick]
"""

import argparse
import os

import torch

import isthmus as ist
from isthmus.drawing.theme import LIGHT, drawing, sheet, write_png
from isthmus.parts import ActivationL1, Contraction, Dense, GaussianNoise, Plain, Sse

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("picture", nargs="?", default="three_regularisers.png")
options.add_argument("--quick", action="store_true", help="small digits and few epochs, to check that it runs")
given = options.parse_args()
data = ist.open_data("digits" if given.quick or "ISTHMUS_DATA" not in os.environ else "mnist")

# 256 numbers, of which nothing says what they should be; the tie keeps encoder and decoder at one scale
plain = ist.Blueprint(network=Dense(tied=True), code=Plain(size=256, activation="relu"), distance=Sse())
kinds = {
    "plain": plain,
    "sparse": plain.replace(penalties=(ActivationL1(weight=0.2),)),
    "contractive": plain.replace(penalties=(Contraction(weight=0.05),)),
    "denoising": plain.replace(corruption=GaussianNoise(sigma=0.5)),
}

clean = data.scaling(data.test.tensor())  # 0 is black, 1 is white
noisy = clean + 0.5 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
rows, active, moved, error = {"clean": clean, "noisy": noisy}, {}, {}, {}
for name, blueprint in kinds.items():
    model = blueprint.build(data, remarks=False)
    run = ist.fit(model, data, epochs=2 if given.quick else 8, schedule="cosine", progress=False)
    seen = data.scaling.inverse(noisy)
    code, rows[name] = run.encode(data.test), data.scaling(run.reconstruct(seen))
    active[name] = float((code > 0.01 * code.max()).float().mean())
    step, apart = run.encode(seen) - code, code.roll(1, 0) - code  # by noise, and from one digit to another
    moved[name] = float(step.norm(dim=1).mean() / apart.norm(dim=1).mean())
    error[name] = float((rows[name] - clean).square().mean())

with drawing(LIGHT):
    figure = sheet(8, 5.3)
    board = torch.cat([torch.cat(list(row[:14, 0]), 1) for row in rows.values()])
    axes = figure.add_subplot(3, 1, (1, 2), xticks=[])
    axes.imshow(board, "gray", vmin=0, vmax=1)
    axes.set_yticks([clean.shape[-1] * (place + 0.5) for place in range(len(rows))], list(rows))
    said = {"share of units that answer": active, "how far noise moves the code": moved, "error on noisy digits": error}
    for place, (title, values) in enumerate(said.items()):
        axes = figure.add_subplot(3, 3, 7 + place, title=title)
        axes.barh(list(values)[::-1], list(values.values())[::-1], color=LIGHT.rivals["model"])
    write_png(given.picture, figure)

print(
    f"With sparsity, {active['sparse']:.0%} of the units are active for a digit (plain: {active['plain']:.0%}), and "
    f"with contraction, noise moves the code by {moved['contractive']:.2f} of the distance to another digit's (plain: "
    f"{moved['plain']:.2f}). The mean squared error on noisy digits is {error['denoising']:.4f} with denoising, "
    f"{error['contractive']:.4f} with contraction, {error['sparse']:.4f} with sparsity and {error['plain']:.4f} plain."
)
