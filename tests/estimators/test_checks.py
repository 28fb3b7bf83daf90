"""scikit-learn's own checks, for every estimator."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from isthmus.sklearn import (
    AutoencoderDenoiser,
    AutoencoderDensity,
    AutoencoderDetector,
    AutoencoderImputer,
    AutoencoderTransformer,
)

SMALL = {"epochs": 1, "batch_size": 64, "widths": (4,), "code": 2}


@pytest.mark.filterwarnings("ignore::isthmus.errors.Remark")
@parametrize_with_checks(
    [
        AutoencoderTransformer(**SMALL),
        AutoencoderDetector(**SMALL),
        AutoencoderImputer(**SMALL),
        AutoencoderDensity(**SMALL, n_draws=3),
        AutoencoderDenoiser(**SMALL),
    ]
)
def test_every_check_of_scikit_learn_passes(estimator, check):
    check(estimator)
