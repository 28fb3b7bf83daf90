"""Shallow and deep, undercomplete and overcomplete: how well each reconstructs digits and shuffled pixels.

python examples/lectures/depth_and_width.py [PICTURE] [--quick]
"""

import argparse

import torch

import isthmus as ist
from isthmus.drawing.figures import picture_grid
from isthmus.drawing.theme import write_png

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("picture", nargs="?", default="depth_and_width.png")
options.add_argument("--quick", action="store_true", help="few epochs, to check that it runs")
given = options.parse_args()
epochs = 2 if given.quick else 200

data = ist.open_data("digits")  # of 64 pixels
test = data.test.tensor()
pixels, seed = test.flatten(1), torch.Generator().manual_seed(0)
mixed = [pixels[torch.randperm(len(pixels), generator=seed), place] for place in range(pixels.shape[1])]
shuffled = torch.stack(mixed, dim=1).view_as(
    test
)  # every pixel from another digit: each as in digits, but together none

kinds = {
    "shallow, 16 numbers": ist.recipe("vanilla", code=16),
    "deep, 16 numbers": ist.recipe("deep", code=16, widths=(256, 256)),
    "shallow, 128 numbers": ist.recipe("vanilla", code=128),
    "deep, 128 numbers": ist.recipe("deep", code=128, widths=(256, 256)),
}
shown = torch.cat((test[:5], shuffled[:5]))
rows = {"original": data.scaling(shown)}
seen, new, noise = [], [], []
for name, blueprint in kinds.items():
    model = blueprint.build(data, remarks=False)
    run = ist.fit(model, data, epochs=epochs, learning_rate=2e-3, schedule="cosine", progress=False)
    errors = run.evaluate() | run.evaluate(shuffled)
    for part, shares in (("train", seen), ("test", new), ("given", noise)):
        shares.append(1 - errors[part]["mse"]["model"] / errors[part]["mse"]["mean"])
    rows[f"{name}\n{new[-1]:.0%}; shuffled {noise[-1]:.0%}"] = data.scaling(run.reconstruct(shown))
captions = ["", "", "digits", "", "", "", "", "pixels shuffled", "", ""]
write_png(given.picture, picture_grid(rows, captions=captions))

print(
    f"With 16 dimensions, models explain {new[0]:.0%} (shallow) and {new[1]:.0%} (deep) of the variance of new digits, "
    f"and {noise[0]:.0%} and {noise[1]:.0%} of shuffled pixels, which have no structure; with 128 dimensions they "
    f"explain {new[2]:.0%} and {new[3]:.0%} of digits, and {noise[2]:.0%} and {noise[3]:.0%} of shuffled pixels, so "
    f"an overcomplete code copies. Depth changes the explained variance of new digits by {new[1] - new[0]:+.1%} with "
    f"16 dimensions and {new[3] - new[2]:+.1%} with 128; from training to new digits it falls by "
    f"{seen[1] - new[1]:.1%} and {seen[3] - new[3]:.1%} for deep models, and by {seen[0] - new[0]:.1%} and "
    f"{seen[2] - new[2]:.1%} for shallow ones."
)
