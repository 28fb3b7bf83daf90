"""Reconstructions have more of the digits' structure than those of the same network with a likelihood."""

from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import one_of_each
from isthmus.drawing.figures import picture_grid
from isthmus.parts import MsSsim

EPOCHS = 4


def prove(bench: Bench) -> list[Row]:
    """The mean MS-SSIM of reconstructions next to that of `conv-vae`, both with as many latent dimensions."""
    data = bench.open()
    clean = data.scaling(data.test.tensor())
    made = {}
    for name in (bench.name, "conv-vae"):
        run = bench.train(name, documented(name), data, batch_size=128, schedule="cosine")
        made[name] = data.scaling(run.reconstruct(data.test)).clamp(0, 1)
    measure = MsSsim(absolute=0.0, span=1.0, link="identity")
    alike = {name: 1 - float(measure(output, clean).mean()) for name, output in made.items()}
    some = one_of_each(data)
    bench.draw(picture_grid({"digits": clean[some]} | {name: output[some] for name, output in made.items()}))
    return [Row.at_least("MS-SSIM", alike[bench.name], alike["conv-vae"], "conv-vae's", beside=alike["conv-vae"])]
