"""Shallow and deep, undercomplete and overcomplete: what each brings back of digits, and of what is none.

python examples/lectures/depth_and_width.py [PICTURE] [--quick]
"""

import argparse

import torch

import isthmus as ist
from isthmus.drawing.figures import picture_grid
from isthmus.drawing.theme import write_png

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("picture", nargs="?", default="depth_and_width.png")
options.add_argument("--quick", action="store_true", help="few epochs, to see that it runs")
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
    f"Of new digits the undercomplete codes bring back {new[0]:.0%} (shallow) and {new[1]:.0%} (deep) of the variance, "
    f"the overcomplete ones {new[2]:.0%} and {new[3]:.0%}, but of shuffled pixels, where there is nothing to know, "
    f"{noise[0]:.0%} and {noise[1]:.0%} against {noise[2]:.0%} and {noise[3]:.0%}: an overcomplete code copies. "
    f"Depth pays where the code is small ({new[1] - new[0]:+.1%} of the variance of new digits at 16 numbers, "
    f"{new[3] - new[2]:+.1%} at 128), and learns more by heart: what it brings back falls from training to new digits "
    f"by {seen[1] - new[1]:.1%} and {seen[3] - new[3]:.1%}, the shallow ones' by {seen[0] - new[0]:.1%} and "
    f"{seen[2] - new[2]:.1%}."
)
