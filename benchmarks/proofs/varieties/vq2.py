"""An upper level of vectors pays: the error is smaller than with the lower level alone, in the same network."""

from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.rate import coded, pca_at
from benchmarks.proofs.sheets import one_of_each
from benchmarks.proofs.varieties.vq import use_of
from isthmus.drawing.figures import picture_grid
from isthmus.parts import Vq, Vq2

EPOCHS = 5


def prove(bench: Bench) -> list[Row]:
    """The error next to that of a single level and of PCA, and the use of both books together."""
    data = bench.open()
    blueprint = documented(bench.name)
    code = blueprint.code
    assert isinstance(code, Vq2)
    single = blueprint.replace(code=Vq(entries=code.entries))
    run, other = (
        bench.train(title, of, data, schedule="cosine")
        for title, of in ((bench.name, blueprint), ("one level", single))
    )
    clean = data.scaling(data.test.tensor())
    found, plain = coded(run.model, data.test), coded(other.model, data.test)
    bits, fewer = (of.model.code.bits(of.model.code_shape) for of in (run, other))
    assert bits is not None
    assert fewer is not None
    rounded = pca_at(data, round(bits))(clean)
    error, single_error, pca = (
        float((made - clean).square().double().mean()) for made in (found.pictures, plain.pictures, rounded)
    )
    some = one_of_each(data)
    shown = {"digits": clean, bench.name: found.pictures, "one level": plain.pictures, "PCA": rounded}
    bench.draw(picture_grid({title: batch[some] for title, batch in shown.items()}))
    return [
        Row("bits a digit", bits, fewer),
        Row.at_most("mean squared error", error, single_error, "the lower level alone", beside=single_error),
        Row("mean squared error of PCA in as many bits", pca),
        *use_of(found.indices, run.model.code, run.model.code_shape),
    ]
