"""A few active directions explain more of a layer's output, from its input, than as many principal components."""

import torch
from torch import Tensor

import isthmus as ist
from benchmarks.proofs.proving import Bench, Row

EPOCHS = 60
LAYER, LATENTS, K = "encoder.dense2", 256, 8
NETWORK_EPOCHS = 8


def prove(bench: Bench) -> list[Row]:
    """Variance of a layer of `deep` explained by K directions, next to a linear map through K components."""
    digits = ist.open_data("digits", validation=0)
    bench.data.append(f"a layer of a network on digits of 8 × 8: {len(digits.train):,} rows to train")
    network = bench.train("deep", ist.recipe("deep"), digits, epochs=NETWORK_EPOCHS, compile=False)
    given, made, tested, wanted = (
        ist.activations(network.model, LAYER, part, of=of).tensor()
        for part in (digits.train, digits.test)
        for of in ("input", "output")
    )
    pairs = ist.open_data(made, damaged=given, scaling="rms", validation=0, test=0)
    settings = {"batch_size": 256, "learning_rate": 3e-3, "schedule": "linear", "compile": False}
    run = bench.train("transcoder", ist.recipe("transcoder", code=LATENTS, k=K), pairs, **settings)
    codes = run.encode(tested)
    found = run.decode(codes)
    active = float((codes != 0).double().sum(1).mean())
    ours, others = (_explained(of, wanted) for of in (found, _by_components(given, made, tested)))
    return [
        Row.at_most("L0", active, 1.25 * K, "k and a quarter", beside=K),
        Row.at_least("variance of the layer's output explained", ours, others, f"of {K} components", beside=others),
    ]


def _explained(found: Tensor, wanted: Tensor) -> float:
    left, whole = (wanted - found).square().sum(), (wanted - wanted.mean(0)).square().sum()
    return 1 - float(left / whole)


def _by_components(given: Tensor, made: Tensor, tested: Tensor) -> Tensor:
    """The best linear map of the input through K numbers: least squares, whose fits are cut to their first components.

    Source: Izenman, Reduced-rank regression for the multivariate linear model (1975).
    """
    given, made, tested = given.double(), made.double(), tested.double()
    centre, offset = given.mean(0), made.mean(0)
    weights = torch.linalg.lstsq(given - centre, made - offset, driver="gelsd").solution
    components = torch.linalg.svd((given - centre) @ weights, full_matrices=False).Vh[:K]
    return (tested - centre) @ weights @ components.T @ components + offset
