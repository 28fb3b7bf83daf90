"""Reconstruction errors against closed forms, scikit-image and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from sklearn.metrics import r2_score

from isthmus.measures import explained_variance, mse, psnr, sse, ssim
from isthmus.measures.reconstruction import BEST_PSNR
from rounding import of_ssim


def pictures(count: int, *shape: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth pictures in 0..1 and the same with noise of differing strength."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, shape[0], 6, 6, generator=generator)
    clean = torch.nn.functional.interpolate(coarse, size=shape[1:], mode="bilinear")
    noise = torch.randn(count, *shape, generator=generator) * torch.linspace(0.01, 0.3, count).view(-1, 1, 1, 1)
    return (clean + noise).clamp(0, 1), clean


def test_squared_errors_of_known_numbers():
    target, output = torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.tensor([[3.0, 4.0], [1.0, 1.0]])
    assert sse(output, target).tolist() == [25, 0]
    assert mse(output, target).tolist() == [12.5, 0]


def test_reconstruction_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"\(4, 1\), but the target has \(4,\)"):
        mse(torch.zeros(4, 1), torch.zeros(4))


@pytest.mark.parametrize("span", [1.0, 255.0])
def test_psnr_equals_skimage(span):
    output, target = (part * span for part in pictures(5, 1, 20, 24))
    observed = [
        peak_signal_noise_ratio(y.numpy(), x.numpy(), data_range=span) for x, y in zip(output, target, strict=True)
    ]
    assert np.allclose(psnr(output, target, span).numpy(), observed, rtol=1e-5)


def test_exact_picture_gets_a_finite_psnr():
    picture = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert psnr(picture, picture).tolist() == [BEST_PSNR] * 2


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 11, 40), (3, 37, 25)])
@pytest.mark.parametrize("span", [1.0, 2.0])
def test_ssim_equals_skimage(shape, span):
    output, target = (part * span for part in pictures(6, *shape))
    observed = [
        structural_similarity(
            y.double().numpy(),
            x.double().numpy(),
            data_range=span,
            channel_axis=0,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for x, y in zip(output, target, strict=True)
    ]
    assert np.allclose(ssim(output, target, span).numpy(), observed, atol=of_ssim())


@pytest.mark.parametrize(("height", "width", "window"), [(8, 8, 7), (9, 30, 9), (12, 2, 1), (1, 1, 1)])
def test_ssim_of_small_pictures_takes_the_largest_odd_window(height, width, window):
    output, target = pictures(3, 1, height, width)
    assert np.allclose(ssim(output, target).numpy(), ssim_by_hand(output, target, window), atol=of_ssim())


def ssim_by_hand(output: torch.Tensor, target: torch.Tensor, window: int) -> list[float]:
    """Wang's formula window by window, in plain loops."""
    at = np.arange(window) - (window - 1) / 2
    weights = np.exp(-(at[:, None] ** 2 + at[None] ** 2) / 4.5)
    weights /= weights.sum()
    found = []
    for x, y in zip(output[:, 0].double().numpy(), target[:, 0].double().numpy(), strict=True):
        values = []
        for i in range(x.shape[0] - window + 1):
            for j in range(x.shape[1] - window + 1):
                a, b = x[i : i + window, j : j + window], y[i : i + window, j : j + window]
                mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
                spread_a, spread_b = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
                both = (weights * (a - mean_a) * (b - mean_b)).sum()
                values.append(
                    (2 * mean_a * mean_b + 1e-4)
                    * (2 * both + 9e-4)
                    / ((mean_a**2 + mean_b**2 + 1e-4) * (spread_a + spread_b + 9e-4))
                )
        found.append(float(np.mean(values)))
    return found


def test_exact_picture_has_ssim_one_and_its_negative_less():
    _, picture = pictures(2, 1, 16, 16)
    assert torch.allclose(ssim(picture, picture), torch.ones(2))
    assert (ssim(1 - picture, picture) < 0.9).all()


def test_explained_variance_equals_sklearns_r2():
    generator = torch.Generator().manual_seed(0)
    target = torch.randn(50, 4, generator=generator)
    output = target + 0.3 * torch.randn(50, 4, generator=generator)
    observed = r2_score(target.numpy(), output.numpy(), multioutput="raw_values")
    assert np.allclose(explained_variance(output, target).numpy(), observed, rtol=1e-5)


def test_column_that_does_not_vary_has_no_explained_variance():
    target = torch.tensor([[0.0, 1.0], [2.0, 1.0]])
    first, second = explained_variance(target, target).tolist()
    assert first == 1
    assert math.isnan(second)
