"""Fidelity: PSNR and MS-SSIM where they are known."""

import math

import numpy as np
import pytest

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of Wang, Simoncelli & Bovik (2003), from the finest to the coarsest scale."""


@pytest.fixture
def fidelity():
    pytest.importorskip("pytorch_msssim")
    from benchmarks.compression import fidelity

    return fidelity


def test_flat_pictures_differ_by_the_luminance_of_the_coarsest_scale_alone(fidelity):
    one, other = 100 / 255, 150 / 255
    luminance = (2 * one * other + 1e-4) / (one**2 + other**2 + 1e-4)
    pictures = [np.full((176, 176), value, np.uint8) for value in (100, 150)]
    assert fidelity.ms_ssim(*pictures) == pytest.approx(luminance ** WEIGHTS[-1], rel=1e-3)


def test_an_inverted_contrast_is_worth_nothing(fidelity):
    noise = np.random.default_rng(0).integers(0, 256, (176, 176), dtype=np.uint8)
    assert fidelity.ms_ssim(255 - noise, noise) == 0


def test_half_the_contrast_costs_the_structure_term_of_every_scale(fidelity):
    """Of bars as wide as the coarsest scale can see, c = (2r + e) / (1 + r² + e) with r = 1/2 at every scale."""
    bars = np.where(np.arange(512) // 128 % 2, 228, 28).astype(np.uint8)
    whole = np.tile(bars, (512, 1))
    half = np.where(whole > 128, 178, 78).astype(np.uint8)
    likeness = fidelity.ms_ssim(half, whole)
    # places far from the edges of bars have no contrast and the luminance of their level
    assert 0.8 ** sum(WEIGHTS) < likeness < 1
    assert fidelity.ms_ssim(whole, half) == pytest.approx(likeness, rel=1e-12)


def test_ms_ssim_of_colours_is_the_mean_of_the_channels(fidelity):
    generator = np.random.default_rng(0)
    picture = generator.integers(0, 256, (176, 180, 3), dtype=np.uint8)
    noisy = np.clip(picture + generator.normal(0, 20, picture.shape), 0, 255).astype(np.uint8)
    each = [fidelity.ms_ssim(noisy[..., channel], picture[..., channel]) for channel in range(3)]
    assert fidelity.ms_ssim(noisy, picture) == pytest.approx(np.mean(each))
    assert fidelity.ms_ssim(picture, picture) == 1


def test_psnr_is_of_all_channels_together(fidelity):
    picture = np.zeros((8, 8, 3), np.uint8)
    decoded = picture.copy()
    decoded[..., 0] = 51
    assert fidelity.psnr(decoded, picture) == pytest.approx(10 * math.log10(3 * 25), abs=1e-4)


def test_decibels_of_a_similarity_are_those_of_its_difference_from_1(fidelity):
    assert fidelity.in_decibels(0.99) == pytest.approx(20)
    assert fidelity.in_decibels(1.0) == 100
