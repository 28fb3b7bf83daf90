"""The portrait experiment: a dense and a convolutional model of digits reconstruct pictures that are not digits.

python examples/lectures/portrait.py [PICTURE] [--quick]
"""

import argparse
from dataclasses import replace

import numpy as np
import torch
from skimage import color, transform
from skimage import data as pictures
from sklearn.datasets import load_sample_image

import isthmus as ist
from isthmus.drawing.figures import picture_grid
from isthmus.drawing.theme import write_png

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("picture", nargs="?", default="portrait.png")
options.add_argument("--quick", action="store_true", help="the bundled digits and few epochs, to check that it runs")
given = options.parse_args()

whole = ist.open_data("digits" if given.quick else "mnist")
data = replace(whole, train=whole.train.take(range(200 if given.quick else 6_000)))
crops = {
    "face": color.rgb2gray(pictures.astronaut()[20:210, 130:320]),
    "man": pictures.camera()[60:220, 150:310] / 255,
    "cat": color.rgb2gray(pictures.chelsea()[20:260, 90:330]),
    "temple": color.rgb2gray(load_sample_image("china.jpg")[0:420, 0:420]),
    "flower": color.rgb2gray(load_sample_image("flower.jpg")[0:420, 100:520]),
}
size = data.train.shape[1:]
anomalous = np.stack([transform.resize(crop, size, anti_aliasing=True) for crop in crops.values()])[:, None]
anomalous = torch.from_numpy((255 * anomalous).round().astype(np.uint8))
shown = torch.cat((data.test.tensor()[:4], anomalous))
original = data.scaling(shown)
rows, back = {"original": original}, {}
kinds = {
    "dense": ist.recipe("deep", code=128, widths=(512, 256)),
    "conv": ist.recipe("conv"),  # on MNIST of 128 numbers, too
    "conv, two stages": ist.recipe("conv", channels=(32, 8)),  # of 392: a picture a quarter as high, not an eighth
}
for name, blueprint in kinds.items():
    model = blueprint.build(data, remarks=False)
    run = ist.fit(model, data, epochs=1 if given.quick else 10, learning_rate=3e-3, schedule="cosine", progress=False)
    made = data.scaling(run.reconstruct(shown))
    wrong = (made - original).square().mean(dim=(1, 2, 3))
    back[name] = 1 - wrong / original.var(dim=(1, 2, 3), correction=0)  # 0: no better than the picture's mean grey
    rows[f"{name}\ndigits {back[name][:4].mean():.0%}, others {back[name][4:].median():.0%}"] = made
write_png(given.picture, picture_grid(rows, captions=["", "digits", "", "", *crops]))
dense, conv, finer = (1 - shares for shares in back.values())  # errors, in variances of the picture
print(
    f"The conv model has a smaller error than the dense one on {(conv < dense)[4:].sum()} of {len(crops)} pictures "
    f"that are not digits ({conv[4]:.1f} against {dense[4]:.1f} times the variance of the face, where uniform grey has "
    f"1); on the digits the errors are {conv[:4].mean():.2f} and {dense[:4].mean():.2f}. With a larger feature map "
    f"its error is {finer[4]:.1f} on the face and {finer[:4].mean():.2f} on digits, and it beats uniform grey on "
    f"{(finer < 1)[4:].sum()} of the {len(crops)} pictures."
)
