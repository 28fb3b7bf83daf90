"""The proof of restoring on photographs: nothing is judged by a model that has seen it, and the mean decides."""

import importlib

import numpy as np
import pytest


@pytest.fixture
def photos(monkeypatch):
    """The proof, of twelve photographs of one colour each: ten times their number."""
    pytest.importorskip("skimage")
    proof = importlib.import_module("benchmarks.proofs.uses.restore_photos")
    plain = {str(number): np.full((170, 180, 3), 10 * number, np.uint8) for number in range(12)}
    monkeypatch.setattr(proof, "carried", lambda: plain)
    return proof


def test_every_photograph_is_held_out_once_by_a_model_that_learns_from_all_others(photos):
    folds = photos.folds(40, 8)
    assert sorted(name for fold in folds for name in fold.test) == sorted(photos.carried())
    for fold in folds:
        parts = [part.tensor() for part in (fold.data.train, fold.data.validation, fold.data.test)]
        seen = {str(int(value) // 10) for part in parts for value in part.unique().tolist()}
        assert seen == set(photos.carried()) - set(fold.test)
        for name, clean in fold.test.items():
            assert clean.shape == (1, 3, photos.CROP, photos.CROP)
            assert (clean * 255).unique().tolist() == pytest.approx([10 * int(name)])


def test_the_mean_is_held_against_the_best_rivals_mean_and_each_picture_is_told(photos):
    restoring = importlib.import_module("benchmarks.proofs.restoring")
    easy = {"Isthmus": 30.0, "nothing": 28.0, "median": 29.0}
    hard = {"Isthmus": 20.0, "nothing": 21.0, "median": 10.0}
    found = {"easy": {"psnr": easy, "ssim": easy}, "hard": {"psnr": hard, "ssim": hard}}
    mean, easy, hard = restoring._rows("denoise", found)[:3]
    assert (mean.number, mean.it, mean.beside, mean.reached) == ("denoise: PSNR, dB", 25.0, 24.5, True)
    assert mean.asked == "nothing 24.50, median 19.50; ahead in 1 of 2"
    assert (easy.it, easy.beside, easy.reached) == (30.0, 29.0, None)
    assert (hard.number, hard.it, hard.beside, hard.reached) == ("denoise, hard: PSNR, dB", 20.0, 21.0, None)
