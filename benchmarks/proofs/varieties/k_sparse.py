"""Exactly k units describe a digit, and what each of them looks at is a stroke."""

from torch import Tensor

from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import features, mosaics
from isthmus.parts import Plain, TopK

EPOCHS = 8


def prove(bench: Bench) -> list[Row]:
    """How many units answer, how large their features are, and the error."""
    data = bench.open()
    sparse = documented("k-sparse")
    assert isinstance(sparse.code, TopK)
    runs = {
        "k-sparse": bench.train("k-sparse", sparse, data),
        "plain": bench.train("plain", sparse.replace(code=Plain(size=sparse.code.size)), data),
    }
    codes = {name: run.encode(data.test) for name, run in runs.items()}
    answering = {name: (code != 0).sum(1) for name, code in codes.items()}
    mean = {name: float(count.double().mean()) for name, count in answering.items()}
    used = {name: float((code != 0).any(0).double().mean()) for name, code in codes.items()}
    error = {name: run.evaluate(data.test)["given"]["mse"]["model"] for name, run in runs.items()}
    weights = {name: features(run.model) for name, run in runs.items()}
    area = {name: float(covered(weights[name]).mean()) for name in runs}
    wanted = round(sparse.code.k * codes["k-sparse"].shape[1])
    exactly = bool((answering["k-sparse"] == wanted).all())
    most = {name: (code != 0).sum(0).argsort(descending=True, stable=True)[:60] for name, code in codes.items()}
    bench.draw(mosaics({name: weights[name][most[name]] for name in runs}, signed=True))
    return [
        Row("units that answer to a digit", mean["k-sparse"], mean["plain"], f"exactly {wanted}", exactly),
        Row("share of units that answer to any", used["k-sparse"], used["plain"]),
        Row("share of the picture that a feature covers", area["k-sparse"], area["plain"]),
        Row("mean squared error", error["k-sparse"], error["plain"]),
    ]


def covered(pictures: Tensor) -> Tensor:
    r"""(n,) the share of the pixels that a feature rests on: :math:`(\sum w^2)^2 / (D \sum w^4)`."""
    weights = pictures.flatten(1).double().square()
    return weights.sum(1).square() / (weights.shape[1] * weights.square().sum(1))
