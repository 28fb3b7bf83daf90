"""Principal components in bits, against the optimal levels of known distributions and the bound of rate-distortion."""

import math

import pytest
import torch
from safetensors.torch import load, save

import isthmus as ist
from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.pca import PCA, principal_components
from isthmus.quantised_pca import DEEPEST, QuantisedPCA, quantise
from isthmus.trained import baseline_size


def normal(spreads, count=8000, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Samples(torch.randn(count, len(spreads), generator=generator) * torch.tensor(spreads))


def in_bits(samples, bits):
    pca = principal_components(samples, Scaling(), samples.shape[0])
    return pca, quantise(pca, samples, Scaling(), bits)


def error(pca, samples):
    return float((pca.reconstruct(samples.tensor()) - samples.tensor()).double().square().sum(1).mean())


@pytest.mark.parametrize(("bits", "known"), [(1, 0.3634), (2, 0.1175), (3, 0.03454), (4, 0.009497)])
def test_levels_of_a_normal_coefficient_are_as_good_as_the_best(bits, known):
    """Max, Quantizing for minimum distortion (1960), table I."""
    samples = normal([1.0])
    pca, rounded = in_bits(samples, bits)
    assert rounded.bits == bits
    assert error(rounded, samples) == pytest.approx(known * float(pca.variances), rel=0.05)


def water_filling(variances, bits):
    """The least error that any code of so many bits a sample can have for normal coefficients (Cover & Thomas)."""
    low = level = 0.0
    high = float(variances.max())
    for _ in range(100):
        level = (low + high) / 2
        rate = 0.5 * torch.log2((variances / level).clamp(min=1)).sum()
        low, high = (level, high) if rate > bits else (low, level)
    return float(variances.clamp(max=level).sum())


@pytest.mark.parametrize("bits", [3, 8, 20])
def test_the_error_is_near_the_bound_of_rate_distortion_and_above_it(bits):
    samples = normal([4.0, 2.0, 1.0, 0.5, 0.25])
    pca, rounded = in_bits(samples, bits)
    bound = water_filling(pca.variances, bits)
    assert rounded.bits == bits
    assert bound <= error(rounded, samples) <= math.sqrt(3) * math.pi / 2 * bound  # what rounding alone costs at most


def test_bits_go_where_the_variance_is():
    _, rounded = in_bits(normal([8.0, 1.0, 0.01]), 6)
    counts = [len(levels) for levels in rounded.levels]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[1] > counts[2] == 1


def test_more_bits_are_never_worse_and_those_that_no_coefficient_needs_are_left():
    samples = normal([2.0, 1.0])
    errors = [error(in_bits(samples, bits)[1], samples) for bits in (0, 1, 4, 9)]
    assert errors == sorted(errors, reverse=True)
    assert in_bits(samples, 100)[1].bits == 2 * DEEPEST
    constant = Samples(torch.ones(20, 3))
    assert in_bits(constant, 10)[1].bits == 0


def test_it_comes_back_from_tensors_and_plain_components_stay_plain():
    samples = normal([2.0, 1.0], count=50)
    pca, rounded = in_bits(samples, 5)
    again = QuantisedPCA.from_tensors(load(save(rounded.to_tensors())))
    assert isinstance(again, QuantisedPCA)
    assert again.bits == 5
    assert torch.equal(again.reconstruct(samples.tensor()), rounded.reconstruct(samples.tensor()))
    assert type(QuantisedPCA.from_tensors(load(save(pca.to_tensors())))) is PCA


@pytest.fixture(name="quantised", scope="module")
def quantised_run(tmp_path_factory):
    data = ist.open_data("digits")
    model = ist.recipe("vq", code=4, code__length=2, code__entries=8, network__widths=(16,)).build(data)
    folder = tmp_path_factory.mktemp("runs") / "vq"
    return ist.fit(model, data, epochs=1, out=folder, progress=False, compile=False)


def test_a_quantised_code_is_evaluated_beside_pca_in_as_many_bits(quantised):
    pca = quantised.baseline()
    assert quantised.model.code.bits(quantised.model.code_shape) == pca.bits == 6
    assert pca.size == baseline_size(quantised.model) == 6
    kept = ist.load(quantised.folder).baseline()
    assert isinstance(kept, QuantisedPCA)
    test = quantised.data.test
    scaled = quantised.data.scaling(test.tensor())
    conditioning = float((kept.reconstruct(scaled) - scaled).double().square().mean())
    assert quantised.evaluate()["test"]["mse"]["pca"] == pytest.approx(conditioning, rel=1e-5)


def test_a_sweep_and_a_comparison_of_quantised_codes_count_bits(tmp_path):
    quick = {"epochs": 1, "compile": False}
    small = {"code__length": 1, "code__entries": 4, "network__widths": (8,)}
    swept = ist.sweep("digits", [1, 2], recipe=ist.recipe("vq", **small), out=tmp_path / "sweep", **quick)
    assert [(row["bits"], row["pca_bits"]) for row in swept.rows] == [(2, 2), (4, 4)]
    plans = {"vq": ist.recipe("vq", code=2, **small), "deep": ist.recipe("deep", code=2)}
    found = ist.compare("digits", plans, out=tmp_path / "compare", seeds=1, **quick)
    by_name = {row["candidate"]: row for row in found.rows}
    assert (by_name["vq"]["pca_bits"], by_name["deep"]["pca_bits"]) == (4, None)
    data = ist.open_data("digits")
    pca = quantise(principal_components(data.train, data.scaling, 4), data.train, data.scaling, 4)
    scaled = data.scaling(data.test.tensor())
    conditioning = float((pca.reconstruct(scaled) - scaled).double().square().mean())
    assert by_name["vq"]["test_mse_pca"] == pytest.approx(conditioning, rel=1e-5)
    assert "as many bits" in (tmp_path / "compare" / "report.html").read_text()
