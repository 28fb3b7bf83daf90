"""The gaps of a latent space with two dimensions: a plain autoencoder, and a VAE of the same network.

python examples/lectures/latent_gaps.py [PICTURE] [--quick]
"""

import argparse
import os

import torch

import isthmus as ist
from isthmus.classifier import train_classifier
from isthmus.drawing.figures import code_points
from isthmus.drawing.maps import plane_board
from isthmus.drawing.theme import LIGHT, drawing, sheet, write_png

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("picture", nargs="?", default="latent_gaps.png")
options.add_argument("--quick", action="store_true", help="small digits and few epochs, to check that it runs")
given = options.parse_args()
data = ist.open_data("digits" if given.quick or "ISTHMUS_DATA" not in os.environ else "mnist")
judge = train_classifier(data.train, data.validation, scaling=data.scaling)

network = {"code": 2, "widths": (256, 128), "activation": "silu", "distance": "bce"}
kinds = {"plain": ist.recipe("deep", **network), "VAE": ist.recipe("vae", **network)}

gaps, drawn_unsure, own_unsure = {}, {}, {}
with drawing(LIGHT):
    figure = sheet(8, 8.2)
    for row, (name, blueprint) in enumerate(kinds.items()):
        epochs = 2 if given.quick else 15
        run = ist.fit(blueprint.build(data), data, epochs=epochs, schedule="cosine", progress=False)
        known, own = run.encode(data.train), run.encode(data.test)
        drawn = ist.sample(run, 2000, way="gaussian")  # by a normal of the codes' own mean and covariance
        # a gap is where no training code is as near as one is to 99 % of the test digits' codes
        reach = torch.cdist(own, known).amin(1).quantile(0.99)
        gaps[name] = float((torch.cdist(drawn.codes, known).amin(1) > reach).float().mean())
        drawn_unsure[name] = float((judge.probabilities(drawn.values).amax(1) < 0.9).float().mean())
        own_unsure[name] = float((judge.probabilities(run.reconstruct(data.test)).amax(1) < 0.9).float().mean())

        found = ist.map_codes(run, way="code", across=16)
        left = figure.add_subplot(2, 2, 2 * row + 1, title=f"{name}: codes of {len(found.points):,} test digits")
        code_points(left, found.points.numpy(), found.samples.labels.numpy(), data.label_names, LIGHT)
        right = figure.add_subplot(2, 2, 2 * row + 2, title=f"{name}: what its places decode to")
        right.imshow(plane_board(found.plane, found.look))
        right.set_axis_off()
    write_png(given.picture, figure)

print(
    f"Of 2,000 codes drawn from a normal distribution around all codes, {gaps['plain']:.1%} lie in gaps of the plain "
    f"autoencoder's latent space, farther from every training code than 99 % of new digits, and {gaps['VAE']:.1%} in "
    f"gaps of the VAE's. A digit classifier is less than 90 % sure of {drawn_unsure['plain']:.0%} of the plain model's "
    f"draws and {own_unsure['plain']:.0%} of its reconstructions, and of {drawn_unsure['VAE']:.0%} and "
    f"{own_unsure['VAE']:.0%} of the VAE's."
)
