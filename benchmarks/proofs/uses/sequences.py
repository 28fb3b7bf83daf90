"""A transformer over the indices of vq finds them more probable, and draws better digits, than counts of them."""

import math

import torch
from torch import Tensor

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.sheets import mosaics
from isthmus.model.through import through
from isthmus.ngram import learn_ngrams
from isthmus.uses.judge import judge
from isthmus.uses.sample import Source
from isthmus.uses.sequences import FromIndices, sequences_of

EPOCHS = 10
COUNT = 2000


class ByPlace:
    """Draws each index by its own frequency, whatever the others are: the entropy coder's view of a code."""

    def __init__(self, model: ist.Autoencoder, indices: Tensor, symbols: int) -> None:
        self.model, self.shape = model, indices.shape[1:]
        counts = [torch.bincount(own, minlength=symbols) for own in indices.flatten(1).T]
        self.shares = (torch.stack(counts).double() + 1) / (len(indices) + symbols)

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """(count, *code)."""
        drawn = torch.multinomial(self.shares, count, replacement=True, generator=generator).T
        shaped = drawn.reshape(count, *self.shape)
        return self.model.code.from_indices(shaped, self.model.code_shape, self.model.code_module).float()

    def bits(self, indices: Tensor) -> float:
        """Mean bits of an index."""
        return float(-self.shares.T.gather(0, indices.flatten(1)).log2().mean())


def prove(bench: Bench) -> list[Row]:
    """Bits of an index of unseen digits, and the Fréchet distance of draws."""
    data = bench.open()
    run = bench.train("vq", documented("vq"), data, schedule="cosine")
    model = run.model
    symbols = model.code.symbols(model.code_shape)
    assert symbols is not None
    train, test = (through(model.indices, part, 256) for part in (data.train, data.test))
    by_place, sequences = ByPlace(model, train, symbols), sequences_of(run)
    ngrams = learn_ngrams(ist.Samples(train.flatten(1) + 1), symbols + 1)
    labels = data.test.labels if sequences.classes else None
    found = float(sequences.nats(test, labels).mean()) / math.log(2)
    counted, before = by_place.bits(test), float(ngrams.nats(test.flatten(1) + 1).mean()) / math.log(2)
    sources = {
        "sequences": Source(run, FromIndices(model, sequences), "sequences", None),
        "by place": Source(run, by_place, "by place", None),  # pyright: ignore[reportArgumentType] it draws alike
    }
    judged = {title: judge(run, source, count=COUNT).draws for title, source in sources.items()}
    drawn = {title: source.draw(25, torch.Generator().manual_seed(0)).values / 255 for title, source in sources.items()}
    bench.draw(mosaics(drawn, across=5))
    ours, theirs = judged["sequences"], judged["by place"]
    return [
        Row("bits of an index of equal length", math.log2(symbols)),
        Row.at_most("bits of an index, transformer", found, min(counted, before), "counts and n-grams"),
        Row("bits of an index, frequencies of each place", counted),
        Row("bits of an index, n-grams", before),
        Row.at_most("Fréchet distance of draws", ours.frechet, theirs.frechet, "draws by place", theirs.frechet),
        Row("coverage of draws", ours.coverage, theirs.coverage),
        Row("precision of draws", ours.precision, theirs.precision),
    ]
