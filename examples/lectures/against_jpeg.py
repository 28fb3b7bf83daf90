"""An autoencoder against JPEG with the same number of bytes: a sheet of a hundred digits, and a photograph.

python examples/lectures/against_jpeg.py [PICTURE] [--quick]
"""

import argparse
import io
import os

import numpy as np
import torch
from PIL import Image
from skimage import color, data
from sklearn.datasets import load_sample_images
from torch.nn.functional import fold, unfold

import isthmus as ist
from isthmus.drawing.theme import LIGHT, drawing, sheet, write_png

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("picture", nargs="?", default="against_jpeg.png")
options.add_argument("--quick", action="store_true", help="small digits and few epochs, to check that it runs")
given = options.parse_args()
digits = ist.open_data("digits" if given.quick or "ISTHMUS_DATA" not in os.environ else "mnist")
train, test = (digits.scaling(part.tensor()) for part in (digits.train, digits.test))  # black is 0, white 1
wide = train.shape[-1]
board = fold(test[:100].flatten(1).T[None], 10 * wide, wide, stride=wide)  # ten digits by ten, as one picture
photos = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket(), *load_sample_images().images]
grey = [torch.tensor(color.rgb2gray(photo))[None, None].float() for photo in photos]
panels, told = {}, []
for name, known, picture, side, size, top, left in (  # a square of side × side takes `size` bytes
    ("digits", train[:, None], board, wide, 32, 0, 0),
    ("photograph", grey, torch.tensor(data.camera())[None, None] / 255, 16, 8, 60, 175),
):
    learnt = ist.open_data(torch.cat([unfold(one, side, stride=side)[0].T for one in known]), scaling="none", test=0.0)
    model = ist.recipe("deep", code=size, widths=(512, 256), distance="mse").build(learnt)
    run = ist.fit(model, learnt, epochs=1 if given.quick else 10, schedule="cosine", progress=False)
    code, low, high = run.encode(unfold(picture, side, stride=side)[0].T), *run.encode(learnt.train).aminmax(dim=0)
    code = (255 * (code - low) / (high - low).clamp(min=1e-6)).round().clamp(0, 255).byte()  # 8 bits a number
    made = run.decode(low + code / 255 * (high - low)).clamp(0, 1)
    for quality in range(95, 0, -1):  # the best whose file, headers and all, isn't larger
        exact = Image.fromarray((picture[0, 0] * 255).round().byte().numpy())
        exact.save(file := io.BytesIO(), "jpeg", quality=quality, optimize=True)
        if file.tell() <= code.numel():
            break
    panels[f"{name}, {picture.numel():,} bytes"] = picture[0, 0, top : top + 140, left : left + 140]
    ours, theirs = fold(made.T[None], picture.shape[2:], side, stride=side)[0, 0], np.asarray(Image.open(file)) / 255
    for rival, count, shown in (("autoencoder", code.numel(), ours), ("JPEG", file.tell(), torch.tensor(theirs))):
        told.append(f"{-10 * float((shown - picture[0, 0]).square().mean().log10()):.1f} dB")
        panels[f"{rival}, {count:,} bytes: {told[-1]}"] = shown[top : top + 140, left : left + 140]

with drawing(LIGHT):
    figure = sheet(8, 5.8)
    for place, (title, shown) in enumerate(panels.items()):
        figure.add_subplot(2, 3, place + 1, title=title, xticks=[], yticks=[]).imshow(shown, "gray", vmin=0, vmax=1)
    write_png(given.picture, figure)
print(
    f"At 32 bytes per digit, the autoencoder has a PSNR of {told[0]}, and JPEG, with all in one file, {told[1]}. On a "
    f"photograph, at 8 bytes for 16×16 pixels, an autoencoder of other photographs has {told[2]}, and JPEG {told[3]}."
)
