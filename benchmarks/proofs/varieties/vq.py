"""A quantised code makes better pictures of its bits than principal components of as many, and its book is used."""

from torch import Tensor

from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.rate import coded, pca_at, use_of_book
from benchmarks.proofs.sheets import one_of_each
from isthmus.drawing.figures import picture_grid
from isthmus.parts import Plain, Shape, Vq
from isthmus.parts.codes import CodeKind

EPOCHS = 10


def prove(bench: Bench) -> list[Row]:
    """The error beside PCA's at the same bits and beside the plain code's, and the use of the book or books."""
    data = bench.open()
    blueprint = documented(bench.name)
    run = bench.train(bench.name, blueprint, data, schedule="cosine")
    unquantised = blueprint.replace(code=Plain(size=blueprint.code.size), penalties=())
    plain = bench.train("plain", unquantised, data, schedule="cosine")
    code, shape = run.model.code, run.model.code_shape
    bits = code.bits(shape)
    assert bits is not None
    clean = data.scaling(data.test.tensor())
    found, rounded = coded(run.model, data.test), pca_at(data, round(bits))(clean)
    error, pca = (float((made - clean).square().double().mean()) for made in (found.pictures, rounded))
    some = one_of_each(data)
    shown = {"digits": clean, bench.name: found.pictures, "PCA": rounded}
    bench.draw(picture_grid({title: batch[some] for title, batch in shown.items()}))
    of_plain = plain.evaluate(data.test)["given"]["mse"]["model"]
    return [
        Row("bits a digit", bits),
        Row.at_most("mean squared error", error, pca, f"PCA in {round(bits)} bits", beside=of_plain),
        *use_of(found.indices, code, shape),
    ]


def use_of(indices: Tensor, code: CodeKind, shape: Shape) -> list[Row]:
    """Of each book: several take turns or a slice each, else all vectors share one."""
    books, entries = code.books_of(shape) if isinstance(code, Vq) else 1, code.symbols(shape)
    assert entries is not None
    rows = []
    for book in range(books):
        perplexity, share = use_of_book(indices[..., book::books], entries)
        which = f", book {book + 1}" if books > 1 else ""
        asked = f"a tenth of {entries} entries"
        rows += [
            Row.at_least(f"perplexity{which}", perplexity, 0.1 * entries, asked),
            Row(f"share of entries in use{which}", share),
        ]
    return rows
