"""Addresses of 64 bits find digits of the same class more often than the signs of principal components."""

import time

import numpy as np
import torch
from torch import Tensor

from benchmarks.proofs.proving import Bench, Row, documented
from isthmus.measures.hamming import nearest_bits, pack
from isthmus.measures.nearest import nearest_rows
from isthmus.parts import Plain
from isthmus.pca import principal_components

EPOCHS = 10
NEAREST, QUERIES, MANY = 50, 2000, 1_000_000
"""Matches of a query, queries of the test part, and random codes of which one is sought."""


def prove(bench: Bench) -> list[Row]:
    """The share of the nearest training digits with the query's label, by bits, by PCA's signs and by plain codes."""
    data = bench.open()
    blueprint = documented(bench.name)
    run = bench.train(bench.name, blueprint, data, schedule="cosine")
    plain = bench.train(
        "plain", blueprint.replace(code=Plain(size=blueprint.code.size), penalties=()), data, schedule="cosine"
    )
    asked = data.test.some(QUERIES)
    labels, known = asked.labels, data.train.labels
    assert labels is not None
    assert known is not None

    def precision(near: Tensor) -> float:
        return float((known[near] == labels[:, None]).double().mean())

    bits = torch.Size(run.model.code_shape).numel()
    codes = [run.encode(part).flatten(1) > 0.5 for part in (data.train, asked)]
    pca = principal_components(data.train, data.scaling, bits)
    signs = [pca.encode(data.scaling(part.tensor())) > 0 for part in (data.train, asked)]
    hashed, signed = (precision(_by_bits(*of)) for of in (codes, signs))
    numbers = [plain.encode(part).flatten(1) for part in (data.train, asked)]
    euclidean = precision(nearest_rows(numbers[1], numbers[0], NEAREST)[1])
    return [
        Row("bits a digit", bits),
        Row.at_least(
            f"share of the {NEAREST} nearest with the query's label", hashed, signed, "the signs of PCA", beside=signed
        ),
        Row("the same by the plain code of as many numbers", euclidean),
        Row(f"milliseconds of processor time for a query over {MANY:,} codes", _milliseconds()),
    ]


def _by_bits(codes: Tensor, asked: Tensor) -> Tensor:
    return torch.from_numpy(nearest_bits(pack(codes.numpy()), pack(asked.numpy()), NEAREST)[1])


def _milliseconds() -> float:
    packed = np.random.default_rng(0).integers(0, 256, (MANY, 8), dtype=np.uint8)
    begin = time.process_time()
    nearest_bits(packed, packed[:10], NEAREST)
    return 100 * (time.process_time() - begin)
