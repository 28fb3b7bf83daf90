"""Art and music: seven steps from one chorale to another, by their notes and through the code of piano rolls.

ISTHMUS_DATA=… python examples/lectures/two_chorales.py [PICTURE] [--quick]
"""

import argparse
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

import isthmus as ist
from isthmus.drawing.rows import Look, sample_rows
from isthmus.drawing.theme import write_png
from isthmus.uses.blend import along, linear

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("picture", nargs="?", default="two_chorales.png")
options.add_argument("--quick", action="store_true", help="made-up chords and few epochs, to check that it runs")
given = options.parse_args()

with TemporaryDirectory() as folder:
    source = Path(os.environ.get("ISTHMUS_DATA", "../shared/data"), "music", "jsb_chorales_16th.json")
    if given.quick:
        roots = np.random.default_rng(0).integers(48, 60, (30, 16)).repeat(4, 1)  # a major chord in each quarter
        source = Path(folder, "chords.json")
        source.write_text(json.dumps((roots[..., None] + np.array([24, 16, 7, 0])).tolist()))
    data = ist.open_data(source, kind="roll", step=1)
model, epochs = ist.recipe("music-roll").build(data), 2 if given.quick else 20
run = ist.fit(model, data, epochs=epochs, schedule="cosine", progress=False)

steps, real, pitches = torch.linspace(0, 1, 7), data.test.tensor(), data.test.shape[0] // 2
order = torch.randperm(len(real), generator=torch.Generator().manual_seed(0))
pairs = order[: 2 * min(100, len(real) // 2)].view(-1, 2)
ways = {
    "notes": [along(real[pair], steps, linear) for pair in pairs],
    "code": [run.decode(along(run.encode(data.test.take(pair)), steps, linear)).cpu() for pair in pairs],
}
largest, voices = {}, {}
for way, made in ways.items():
    on = torch.stack(made)[:, :, :pitches] >= 0.5
    moved, apart = (on[:, 1:] != on[:, :-1]).flatten(2).sum(2), (on[:, -1] != on[:, 0]).flatten(1).sum(1)
    largest[way] = float((moved.amax(1) / apart.clamp(min=1)).mean())
    voices[way] = float(on[:, 3].sum(1).float().mean())
usual = float((real[:, :pitches] >= 0.5).sum(1).float().mean())
strip = sample_rows({way: made[0] for way, made in ways.items()}, Look.of(run), captions=["one", *[""] * 5, "another"])
write_png(given.picture, strip)
for suffix in () if given.quick else (".mid", ".wav"):  # the seven steps, one after the other
    target = Path(given.picture).with_suffix(suffix)
    ist.write_samples(target, ways["code"][0], like=data.description, overwrite=True)
print(
    f"In {len(pairs)} blends through the code of two chorales, the largest of six steps is {largest['code']:.0%} "
    f"of the notes in which the ends differ (mixed notes: {largest['notes']:.0%}). Half-way, {voices['code']:.1f} "
    f"voices sound at a time (mixed notes: {voices['notes']:.1f}; chorales: {usual:.1f})."
)
