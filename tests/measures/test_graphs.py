"""Link prediction, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from isthmus.measures import area_under_curve, average_precision, link_measures
from isthmus.parts.graphs import EDGE, NO_EDGE


@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
@pytest.mark.parametrize("seed", range(5))
def test_both_measures_equal_those_of_scikit_learn(seed, ties):
    place = np.random.default_rng(seed)
    scores, positive = place.random(40), place.random(40) < 0.3
    scores = scores.round(1) if ties else scores
    positive[:2] = True, False
    assert area_under_curve(scores, positive) == pytest.approx(roc_auc_score(positive, scores))
    assert average_precision(scores, positive) == pytest.approx(average_precision_score(positive, scores))


def test_held_out_pairs_are_measured_alone():
    target, made = torch.eye(3)[None, None].clone(), torch.zeros(1, 1, 3, 3)
    target[0, 0, 0, 1], target[0, 0, 0, 2], target[0, 0, 1, 2] = EDGE, NO_EDGE, 1
    made[0, 0, 0, 1] = 0.6
    assert {name: float(value) for name, value in link_measures(made, target).items()} == {
        "auc": 1.0,
        "average_precision": 1.0,
    }


def test_a_graph_without_edges_has_no_measure():
    measures = link_measures(torch.zeros(1, 1, 3, 3), torch.eye(3)[None, None])
    assert all(bool(value.isnan().all()) for value in measures.values())
