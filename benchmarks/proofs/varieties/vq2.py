"""Two levels of vectors make better pictures than one level of more bits, in the same network."""

from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.rate import coded, pca_at
from benchmarks.proofs.sheets import one_of_each
from benchmarks.proofs.varieties.vq import use_of
from isthmus.drawing.figures import picture_grid
from isthmus.parts import Vq

EPOCHS = 5
ENTRIES = 2048
"""Of the single level: 11 bits at each of 49 places are more than 8 at 65."""


def prove(bench: Bench) -> list[Row]:
    """The error next to that of a single level and of PCA, and the use of both books together."""
    data = bench.open()
    blueprint = documented(bench.name)
    single = blueprint.replace(code=Vq(entries=ENTRIES))
    run, other = (
        bench.train(title, of, data, schedule="cosine")
        for title, of in ((bench.name, blueprint), ("one level", single))
    )
    clean = data.scaling(data.test.tensor())
    found, plain = coded(run.model, data.test), coded(other.model, data.test)
    bits, more = (of.model.code.bits(of.model.code_shape) for of in (run, other))
    assert bits is not None
    assert more is not None
    rounded = pca_at(data, round(bits))(clean)
    error, single_error, pca = (
        float((made - clean).square().double().mean()) for made in (found.pictures, plain.pictures, rounded)
    )
    some = one_of_each(data)
    shown = {"digits": clean, bench.name: found.pictures, "one level": plain.pictures, "PCA": rounded}
    bench.draw(picture_grid({title: batch[some] for title, batch in shown.items()}))
    return [
        Row("bits a digit", bits, more),
        Row.at_most("mean squared error", error, single_error, "one level of more bits", beside=single_error),
        Row("mean squared error of PCA in as many bits", pca),
        *use_of(found.indices, run.model.code, run.model.code_shape),
    ]
