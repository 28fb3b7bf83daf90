"""A melody comes back from its code, blends stay music, and new melodies have the statistics of real ones."""

import torch
from torch import Tensor

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from benchmarks.proofs.tunes import apart, changed, chorales, shuffled, statistics
from isthmus.data.media import Melody
from isthmus.drawing.look import Look
from isthmus.drawing.rows import sample_rows
from isthmus.ngram import learn_ngrams
from isthmus.uses.blend import along, blended_tokens, linear
from isthmus.uses.sample import sample

EPOCHS = 20
PAIRS, STEPS = 200, 7
DRAWN = 1000


def prove(bench: Bench) -> list[Row]:
    """Accuracy, blends of pairs of test melodies, and drawn tunes, next to n-grams and shuffled notes."""
    data = chorales(bench)
    medium = data.test.medium
    assert isinstance(medium, Melody)
    run = bench.train("chorales", documented("music-vae"), data, schedule="cosine", learning_rate=2e-3)
    found = run.evaluate(data.test)["given"]
    grams = learn_ngrams(data.train, medium.tokens)
    real = data.test.tensor().long()
    ways = _blends(run, real)
    cost = {name: float(grams.nats(of[:, STEPS // 2]).mean()) for name, of in ways.items()}
    sums, largest = ({name: changed(of)[place] for name, of in ways.items()} for place in (0, 1))
    drawn = sample(run, DRAWN, way="prior", temperature=1.0, seed=0).values.long()
    usual = statistics(medium, real)
    near = apart(statistics(medium, drawn), usual)
    far = apart(statistics(medium, shuffled(data.train.tensor()[:DRAWN], medium.tokens)), usual)
    train = apart(statistics(medium, data.train.tensor()), usual)
    first = {name: of[1].float() for name, of in ways.items()}
    bench.draw(sample_rows(first, Look.of(run), captions=["first", *[""] * (STEPS - 2), "second"]))
    return [
        Row.at_least(
            "tokens right, each given those before it (plain: 5-grams)",
            1 - found["wrong"]["model"],
            1 - found["wrong"]["n-gram"],
            "the 5-grams'",
            beside=1 - found["wrong"]["n-gram"],
        ),
        Row("tokens right, written from the code alone", 1 - found["wrong_from_code"]["model"]),
        Row("samples that are completely right, from the code alone", found["exact"]["model"]),
        Row(
            "nats a token with the code's KL (plain: 5-grams)",
            found["nats_with_code"]["model"],
            found["nats"]["n-gram"],
        ),
        Row.at_most(
            f"nats a token of the middle of {PAIRS} blends, by 5-grams (plain: blends of the notes themselves)",
            cost["the code"],
            cost["the notes"],
            "those of the notes",
            beside=cost["the notes"],
        ),
        Row("the same for the test melodies themselves", float(grams.nats(real).mean())),
        Row(
            f"length of the way in {STEPS - 1} steps, of the ends' distance (plain: the notes)",
            sums["the code"],
            sums["the notes"],
        ),
        Row("the largest step, of the ends' distance (plain: the notes)", largest["the code"], largest["the notes"]),
        *(_statistic(name, near[name], far[name]) for name in near),
        *(Row(f"{name} of the training melodies: distance to the test melodies", train[name]) for name in train),
    ]


def _statistic(name: str, near: float, far: float) -> Row:
    """The distance of drawn melodies to the test melodies; shuffling keeps pitch classes, so they have no limit."""
    number = f"{name} of {DRAWN} drawn melodies: distance to the test melodies (plain: shuffled tokens)"
    if name == "pitch classes":
        return Row(number, near, far)
    return Row.at_most(number, near, far / 2, "half of shuffled", beside=far)


def _blends(run: ist.Run, real: Tensor) -> dict[str, Tensor]:
    """(PAIRS, STEPS, T) blends from test melodies to others, by their codes and by their notes."""
    order = torch.randperm(len(real), generator=torch.Generator().manual_seed(0))
    pairs = real[order[: 2 * min(PAIRS, len(real) // 2)]].view(-1, 2, real.shape[1])
    share = torch.linspace(0, 1, STEPS)
    codes = run.encode(pairs.flatten(0, 1).to(torch.uint8)).view(len(pairs), 2, -1)
    between = torch.stack([along(pair, share, linear) for pair in codes])
    made = run.decode(between.flatten(0, 1)).long().view(len(pairs), STEPS, -1)
    return {"the code": made, "the notes": torch.stack([blended_tokens(pair, share) for pair in pairs])}
