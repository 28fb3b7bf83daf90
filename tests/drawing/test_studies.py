"""Figures of studies."""

from isthmus.drawing.studies import rivals


def test_a_rival_that_is_exact_does_not_push_the_models_together():
    means = {"a": 0.010, "b": 0.011, "c": 0.013}
    for pca in (2e-31, 0.0):
        axes = rivals(means, dict.fromkeys(means, 1e-4), dict.fromkeys(means, pca), across="error").axes[0]
        low, high = axes.get_xlim()
        assert (means["c"] - means["a"]) / (high - low) > 0.1
    axes = rivals(means | {"exact": 1e-15}, {}, {}, across="error").axes[0]
    assert axes.get_xlim()[1] < 0.1


def test_elbos_below_zero_can_be_drawn():
    axes = rivals({"a": -83.0, "b": -90.0}, {"a": 0.5}, {}, across="ELBO").axes[0]
    assert axes.get_xlim()[0] < -90 < -83 < axes.get_xlim()[1] < 0
