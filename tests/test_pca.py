"""Principal components against closed forms and against scikit-learn's."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from sklearn.decomposition import PCA as SklearnPCA  # noqa: N811
from torch import Tensor

from isthmus import pca as pca_module
from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.errors import DataError
from isthmus.pca import PCA, principal_components


def drawn(count: int, width: int, seed: int = 0, offset: float = 0.0) -> Tensor:
    """Correlated samples whose variances fall by 20 % a direction."""
    generator = torch.Generator().manual_seed(seed)
    directions = torch.linalg.qr(torch.randn(width, width, dtype=torch.float64, generator=generator))[0]
    spread = 0.9 ** torch.arange(width, dtype=torch.float64)
    return (torch.randn(count, width, dtype=torch.float64, generator=generator) * spread) @ directions + offset


def learn(values: Tensor, size: int, **options) -> PCA:
    """Without the scaling's float32, so that float64 is held against float64."""
    return principal_components(Samples(values), lambda raw: raw, size, **options)


def assert_like_sklearn(found: PCA, values: Tensor, size: int, rtol: float = 1e-8) -> None:
    known = SklearnPCA(size, svd_solver="full").fit(values.numpy())
    assert np.allclose(found.mean.numpy(), known.mean_, rtol=1e-12)
    overlap = (found.components.numpy() * known.components_).sum(1)
    assert np.allclose(np.abs(overlap), 1, atol=rtol)
    correction = (len(values) - 1) / len(values)
    assert np.allclose(found.variances.numpy(), known.explained_variance_ * correction, rtol=rtol)
    assert np.isclose(found.explained, known.explained_variance_ratio_.sum(), rtol=rtol)


@pytest.mark.parametrize("batch", [7, 100, 4096])
def test_covariance_route_equals_sklearn(batch):
    values = drawn(200, 12, offset=5.0)
    assert_like_sklearn(learn(values, 5, batch=batch), values, 5)


@pytest.mark.parametrize("batch", [7, 4096])
def test_gram_route_equals_sklearn_where_samples_are_fewer_than_dimensions(batch):
    values = drawn(30, 80, offset=-3.0)
    assert_like_sklearn(learn(values, 10, batch=batch), values, 10)


def test_subspace_route_is_near_sklearn_and_repeats_itself(monkeypatch):
    monkeypatch.setattr(pca_module, "WIDEST_MATRIX", 40)
    values = drawn(300, 90, offset=2.0)
    found = learn(values, 4, batch=64)
    assert_like_sklearn(found, values, 4, rtol=1e-4)
    assert torch.equal(found.components, learn(values, 4, batch=64).components)
    other = learn(values, 4, batch=64, generator=torch.Generator().manual_seed(1))
    assert not torch.equal(found.components, other.components)


@pytest.mark.parametrize("count", [37, 256, 1500])
def test_bytes_by_whole_numbers_equal_sklearn(count):
    generator = torch.Generator().manual_seed(3)
    pictures = (drawn(count, 12) * 40 + 128).clamp(0, 255).to(torch.uint8)
    pictures[:, 3], pictures[:, 4] = 255, torch.randint(0, 2, (count,), generator=generator) * 255
    found = principal_components(Samples(pictures), Scaling("bytes", 0.0, 255.0, (0.0, 1.0)), 6)
    assert_like_sklearn(found, pictures.double() / 255, 6)
    assert found.components[:, 3].abs().max() < 1e-12  # a number that never varies


def test_line_in_the_plane_has_its_known_component():
    values = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]], dtype=torch.float64)
    found = learn(values, 1)
    assert torch.allclose(found.components, torch.tensor([[0.6, 0.8]], dtype=torch.float64))
    assert found.total_variance == pytest.approx(50 / 3)
    assert found.variances.item() == pytest.approx(50 / 3)
    assert torch.allclose(found.reconstruct(values), values.float(), atol=1e-6)


def test_large_mean_costs_no_digits():
    values = drawn(500, 6)
    near, far = learn(values, 6), learn(values + 1e6, 6, batch=50)
    assert torch.allclose(near.variances, far.variances, rtol=1e-6)


@pytest.mark.parametrize("count", [1, 4])
def test_components_beyond_what_samples_span_are_zero(count):
    values = drawn(count, 6)
    found = learn(values, 9)
    assert found.components.shape == (9, 6)
    assert found.rank == count - 1
    assert not found.components[found.rank :].any()
    assert not found.variances[found.rank :].any()
    assert not found.encode(values)[:, found.rank :].any()
    assert torch.allclose(found.reconstruct(values), values.float(), atol=1e-5)


def test_constant_samples_have_no_component():
    found = learn(torch.full((50, 3), 0.1), 2, batch=7)
    assert found.rank == 0
    assert found.explained == 1
    assert torch.allclose(found.reconstruct(torch.zeros(2, 3)), torch.full((2, 3), 0.1))


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 25),
    width=st.integers(1, 25),
    size=st.integers(1, 30),
    batch=st.integers(1, 30),
    seed=st.integers(0, 2**32),
    offset=st.sampled_from([0.0, -1.0, 1000.0]),
)
def test_components_are_orthonormal_and_the_error_is_the_variance_left_out(count, width, size, batch, seed, offset):
    values = drawn(count, width, seed, offset)
    found = learn(values, size, batch=batch)
    kept = found.components[: found.rank]
    assert torch.allclose(kept @ kept.T, torch.eye(found.rank, dtype=torch.float64), atol=1e-9)
    assert (found.variances.diff() <= 1e-12).all()
    largest = kept.gather(1, kept.abs().argmax(1, keepdim=True))
    assert (largest > 0).all()
    code = (values - found.mean) @ found.components.T
    error = (found.mean + code @ found.components - values).square().sum(1).mean().item()
    left_out = found.total_variance - found.variances.sum().item()
    assert error == pytest.approx(left_out, rel=1e-6, abs=1e-10 * max(1, found.total_variance))


def test_pictures_come_back_in_their_own_shape():
    pictures = drawn(40, 2 * 3 * 4).float().reshape(40, 2, 3, 4)
    found = learn(pictures, 5)
    assert found.encode(pictures).shape == (40, 5)
    assert found.decode(found.encode(pictures)).shape == (40, 24)
    back = found.reconstruct(pictures)
    assert back.shape == pictures.shape
    assert back.dtype == torch.float32
    assert torch.allclose(back.flatten(1), found.decode(found.encode(pictures)), atol=1e-6)


def test_scaling_comes_before_the_components():
    raw = torch.randint(0, 256, (60, 5), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    found = principal_components(Samples(raw), Scaling("bytes", 0.0, 255.0, (0.0, 1.0)), 3)
    assert torch.allclose(found.mean, (raw.float() / 255).double().mean(0))


def test_linear_form_is_the_same_map():
    values = drawn(50, 8)
    found = learn(values, 3)
    weight, encoder_bias, decoder_bias = found.linear()
    code = values @ weight.T + encoder_bias
    assert torch.allclose(code.float(), found.encode(values), atol=1e-6)
    assert torch.allclose((code @ weight + decoder_bias).float(), found.reconstruct(values), atol=1e-6)


def test_tensors_come_back_bit_for_bit_through_safetensors():
    found = learn(drawn(50, 8), 3)
    back = PCA.from_tensors(load(save(found.to_tensors())))
    assert torch.equal(back.mean, found.mean)
    assert torch.equal(back.components, found.components)
    assert torch.equal(back.variances, found.variances)
    assert back.total_variance == found.total_variance


def test_missing_tensor_is_named():
    tensors = learn(drawn(50, 8), 3).to_tensors()
    del tensors["variances"]
    with pytest.raises(DataError, match="lack variances"):
        PCA.from_tensors(tensors)


def test_tensors_that_do_not_fit_each_other_are_refused():
    tensors = learn(drawn(50, 8), 3).to_tensors() | {"mean": torch.zeros(7)}
    with pytest.raises(DataError, match=r"mean \(7,\), components \(3, 8\)"):
        PCA.from_tensors(tensors)


@pytest.mark.parametrize(("values", "size", "message"), [
    (torch.zeros(0, 3), 1, "no samples"),
    (torch.ones(4, 3), 0, "size=0"),
    (torch.tensor([[0.0], [float("inf")], [1.0]]), 1, "have infinite"),
    (torch.tensor([[0.0, 1.0, 2.0, 3.0], [0.0, 0.0, float("inf"), 0.0]]), 1, "have infinite"),
])  # fmt: skip
def test_what_has_no_components_is_refused(values, size, message):
    with pytest.raises(DataError, match=message):
        learn(values, size)


@pytest.mark.parametrize("shape", [(200, 6), (8, 20)])
def test_what_is_missing_counts_as_the_mean_of_what_is_known(shape):
    generator = torch.Generator().manual_seed(0)
    whole = torch.randn(shape, generator=generator) * 3 + 1
    holes = torch.rand(shape, generator=generator) < 0.2
    holed = torch.where(holes, torch.nan, whole)
    filled = torch.where(holes, holed.nanmean(0), whole)
    found, expected = learn(holed, 3), learn(filled, 3)
    assert torch.allclose(found.mean, expected.mean, atol=1e-6)
    assert torch.allclose(found.components, expected.components, atol=1e-4)
    assert torch.allclose(found.reconstruct(holed), expected.reconstruct(filled), atol=1e-4)
