"""Art and music: seven steps from one sentence to another, by their characters and through the code of a text-vae.

ISTHMUS_DATA=… python examples/lectures/two_sentences.py [PICTURE] [--quick]
"""

import argparse
import os
import re
from pathlib import Path

import torch

import isthmus as ist
from isthmus.drawing.rows import Look, sample_rows
from isthmus.drawing.theme import write_png
from isthmus.ngram import learn_ngrams
from isthmus.parts.distances.tokens import counted
from isthmus.uses.blend import along, blended_tokens, linear

options = argparse.ArgumentParser(description=__doc__)
options.add_argument("picture", nargs="?", default="two_sentences.png")
options.add_argument("--quick", action="store_true", help="made-up sentences and few epochs, to check that it runs")
options.add_argument("--word-dropout", type=float, default=0.2, help="the share of hidden characters in training")
given = options.parse_args()

if given.quick:
    sentences = [f"The {a} {b} the {c}." for a in ("cat", "king", "fox") for b in ("sees", "has") for c in "abcdefgh"]
else:
    plays = Path(os.environ.get("ISTHMUS_DATA", "../shared/data"), "text", "shakespeare.txt").read_text()
    lines = [line for line in plays.splitlines() if not line.endswith(":")]  # such a line names who speaks
    parts = [" ".join(part.split()) for part in re.split(r"(?<=[.!?;:])\s", "\n".join(lines))]
    sentences = list(dict.fromkeys(part for part in parts if 12 <= len(part) <= 40))
data = ist.open_data(sentences, kind="text")
model = ist.recipe("text-vae", word_dropout=given.word_dropout).build(data)
epochs = 2 if given.quick else 20
run = ist.fit(model, data, epochs=epochs, batch_size=64, learning_rate=3e-3, schedule="cosine", progress=False)

medium, steps, real = data.test.medium, torch.linspace(0, 1, 7), data.test.tensor()
assert medium is not None
order = torch.randperm(len(real), generator=torch.Generator().manual_seed(0))
pairs = order[: 2 * min(200, len(real) // 2)].view(-1, 2)
ways = {
    "mixed characters": [blended_tokens(real[pair], steps) for pair in pairs],
    "through the code": [run.decode(along(run.encode(data.test.take(pair)), steps, linear)).long() for pair in pairs],
}
grams, nats = learn_ngrams(data.train, medium.tokens), {}
for way, texts in {way: torch.cat([seven[1:-1] for seven in made]) for way, made in ways.items()}.items():
    nats[way] = float(grams.nats(texts)[counted(texts)].mean())
different = sum(len(seven.unique(dim=0)) for seven in ways["through the code"]) / len(pairs)
real_ones = run.evaluate(data.test)["given"]
cost, right = real_ones["nats_with_code"], 1 - real_ones["wrong_from_code"]["model"]
strip = sample_rows({way: made[0] for way, made in ways.items()}, Look.of(run), captions=["one", *[""] * 5, "another"])
write_png(given.picture, strip)
print(
    f"In {len(pairs)} blends through the code of two sentences, {different:.1f} of the seven sentences differ, and the "
    f"five in between cost {nats['through the code']:.2f} nats a character by 5-grams (mixed characters: "
    f"{nats['mixed characters']:.2f}; real sentences: {cost['n-gram']:.2f}). By the model, real sentences cost "
    f"{cost['model']:.2f} nats with the code, and {right:.0%} of their characters are right from the code alone."
)
