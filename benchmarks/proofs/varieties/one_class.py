"""Codes of the usual digit gather at the centre without becoming one, and those of other digits stay further away."""

import torch
from sklearn.metrics import roc_auc_score

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row, documented
from isthmus.data import Samples
from isthmus.parts import Plain

EPOCHS = 40
USUAL = (0, 4, 8)
"""The digits that are learnt, one at a time."""


def prove(bench: Bench) -> list[Row]:
    """AUROC of the usual digit against all others, and how far its codes have moved together."""
    whole = bench.open()
    blueprint = documented("one-class")
    rows = []
    for digit in USUAL:
        data = ist.open_data(of_digit(whole.train, digit).tensor(), validation=0, test=0)
        bench.data.append(f"digit {digit}: {len(data.train):,} to train")
        one = bench.train(f"one-class-{digit}", blueprint, data, compile=False)
        plain = bench.train(
            f"plain-{digit}", blueprint.replace(code=Plain(size=blueprint.code.size)), data, compile=False
        )
        others = (torch.as_tensor(whole.test.labels) != digit).numpy()
        auroc = {
            by: float(roc_auc_score(others, ist.detector(run, by).scores(whole.test)))
            for run, by in ((one, "centre"), (plain, "distance"), (plain, "error"))
        }
        centre = ist.detector(one, "centre")
        codes = one.encode(data.train).double()
        spread = torch.linalg.eigvalsh(torch.cov(codes.T)).clamp(min=0)
        effective = float(spread.sum() ** 2 / spread.square().sum())
        rows += [
            Row.at_least(
                f"AUROC of digit {digit} (plain: the distance of its code)", auroc["centre"], 0.9, "", auroc["distance"]
            ),
            Row(f"AUROC of digit {digit}, plain model's error", auroc["error"]),
            Row.at_most(f"digit {digit}: squared distance after and before", float(centre.usual.mean()), 0.5),
            Row.at_least(f"digit {digit}: dimensions that the codes use (participation ratio)", effective, 1.5),
        ]
    return rows


def of_digit(samples: Samples, digit: int) -> Samples:
    """Those with this label."""
    return samples.take((torch.as_tensor(samples.labels) == digit).nonzero().flatten())
