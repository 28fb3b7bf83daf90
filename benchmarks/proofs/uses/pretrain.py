"""With few labels, a classifier that starts at a pretrained encoder is ahead of the same network from scratch."""

import sys

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from isthmus.drawing.studies import curves
from isthmus.experiments.classify import WAYS
from isthmus.experiments.pretraining import told

EPOCHS = 8
LABELS = (100, 1000, 10_000)
RATES = (1.0, 0.1)
"""Of the encoder's learning, as multiples of the new layer's."""
DENSE = documented("denoising")
"""784-512-128-512-784, whose encoder all candidates have."""
STACKED = documented("stacked").replace(network=DENSE.network, code=DENSE.code)
CANDIDATES = {
    "plain": DENSE.replace(corruption=None),
    "denoising": DENSE,
    "stacked": STACKED.with_options(corruption={"kind": "masking", "share": 0.5}),
}


def prove(bench: Bench) -> list[Row]:
    """The pretraining is chosen by the validation part, with two seeds; then it is held against scratch on the test."""
    data = bench.open(validation=0.1)
    folder = bench.folder / bench.name
    rows, tried = [], {}
    for name, blueprint in CANDIDATES.items():
        bench.train(name, blueprint, data, schedule="cosine", layer_epochs=2)
        for rate in RATES:
            few = ist.pretrain(
                folder / name,
                data,
                LABELS[:2],
                out=folder / f"{name}-{rate}",
                seeds=2,
                ways=WAYS[:1],
                body_rate=rate,
                progress=_show,
            )
            right = [few.accuracy("fine-tuned", count, "validation") for count in LABELS[:2]]
            tried[name, rate] = sum(pair[0] for pair in right if pair is not None) / len(right)
            title = f"{name}, the encoder at {rate:g} of the rate: right of the validation part, 100 and 1,000 labels"
            rows.append(Row(title, tried[name, rate]))
    chosen, rate = max(tried, key=lambda pair: tried[pair])
    found = ist.pretrain(folder / chosen, data, LABELS, out=folder / "chosen", seeds=5, body_rate=rate, progress=_show)
    bench.draw(curves(found.lines, across="digits with a label", up="right, share of the test part", log=False))
    for way in WAYS:
        print(f"{way}: {', '.join(told(found.accuracy(way, count)) for count in LABELS)}")
    for count in LABELS:
        tuned, fresh = (found.accuracy(way, count) for way in WAYS[:2])
        assert tuned is not None
        assert fresh is not None
        said = f"right with {count:,} labels, {chosen}, fine-tuned"
        row = Row(said, tuned[0], fresh[0])
        rows.append(row if count == LABELS[-1] else Row.at_least(said, tuned[0], fresh[0], "from scratch", fresh[0]))
        others = {way: pair[0] for way in WAYS[2:] if (pair := found.accuracy(way, count)) is not None}
        way = max(others, key=lambda name: others[name])
        rows.append(Row(f"right with {count:,} labels by {way}, the best of scikit-learn's", others[way], fresh[0]))
    return rows


def _show(done: int, total: int) -> None:
    print(f"\r{done}/{total}", end="", file=sys.stderr)
