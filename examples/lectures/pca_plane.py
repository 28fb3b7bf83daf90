"""PCA's plane against curved manifolds: five artificial data sets, PCA and an autoencoder of the same code size.

python examples/lectures/pca_plane.py [PICTURE] [--quick]
"""

import argparse

import numpy as np
from sklearn.datasets import make_s_curve, make_swiss_roll

import isthmus as ist
from isthmus.drawing.theme import LIGHT, drawing, sheet, write_png

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("picture", nargs="?", default="pca_plane.png")
options.add_argument("--quick", action="store_true", help="few samples and epochs, to check that it runs")
count, epochs = (200, 2) if (given := options.parse_args()).quick else (3000, 150)

random = np.random.default_rng(0)
way = random.uniform(0, 1, count)
sets = {"S-curve": make_s_curve(count, random_state=0)[0], "Swiss roll": make_swiss_roll(count, random_state=0)[0]}
sets["arc"] = np.stack((4 * way - 2, (4 * way - 2) ** 2), axis=1)
sets["spiral"] = np.stack(((1 + 10 * way) * np.cos(9 * way), (1 + 10 * way) * np.sin(9 * way)), axis=1)
sets["ring"] = np.stack((np.cos(2 * np.pi * way), np.sin(2 * np.pi * way)), axis=1)

pca, model, far = {}, {}, {}  # by set: shares of the variance, how far the model is off
with drawing(LIGHT):
    figure = sheet(7, 6.6)
    grid = figure.add_gridspec(2, 6, height_ratios=(3, 2))
    places = [grid[0, :3], grid[0, 3:], grid[1, :2], grid[1, 2:4], grid[1, 4:]]
    for place, (name, exact) in zip(places, sets.items(), strict=True):
        values = exact + 0.02 * exact.std(0) * random.standard_normal(exact.shape)
        data = ist.open_data(values.astype(np.float32))
        size = values.shape[1] - 1  # a surface in space has two numbers, a curve in the plane has one
        network = ist.recipe("deep", code=size, widths=(128, 64)).build(data)
        run = ist.fit(network, data, epochs=epochs, learning_rate=3e-3, schedule="cosine", progress=False)
        errors = run.evaluate()["test"]["mse"]
        pca[name], model[name] = (1 - errors[who] / errors["mean"] for who in ("pca", "model"))
        test, made = data.test.tensor(), run.reconstruct(data.test)
        flat = data.scaling.inverse(run.baseline().reconstruct(data.scaling(test)))
        far[name] = (made - test).norm(dim=1)
        solid = {"projection": "3d", "elev": 12, "azim": -75} if size == 2 else {}
        axes = figure.add_subplot(place, **solid)
        axes.scatter(*test.T, s=5, color=LIGHT.rivals["mean"], linewidths=0, label="test data")
        axes.scatter(*flat.T, s=5, color=LIGHT.rivals["pca"], linewidths=0, label=f"PCA: {pca[name]:.0%}")
        axes.scatter(*made.T, s=5, color=LIGHT.rivals["model"], linewidths=0, label=f"autoencoder: {model[name]:.0%}")
        axes.set_title(f"{name}: {size} of {size + 1} numbers")
        axes.tick_params(length=0, labelcolor="none")
        if size == 2:
            axes.set_box_aspect((3, 2, 3), zoom=1.25)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0.02), fontsize=9)
    write_png(given.picture, figure)

print(
    f"On curved data, PCA explains {min(pca.values()):.0%} to {max(pca.values()):.0%} of the variance, and "
    f"autoencoders of the same code size explain {min(model.values()):.0%} to {max(model.values()):.0%}. "
    "On the ring, which has no ends and cannot be mapped to a line without a cut, the autoencoder's largest error is "
    f"{far['ring'].max() / far['ring'].median():.0f} times its median; on the arc, which has two ends, it is "
    f"{far['arc'].max() / far['arc'].median():.0f} times."
)
