"""How good a map is, against hand-made maps."""

import pytest
import torch

from isthmus.measures.maps import map_quality

LINE = torch.linspace(0, 1, 60)[:, None]
LABELS = (torch.arange(60) >= 30).long()


def test_a_map_that_keeps_all_neighbours_is_trusted_fully():
    found = map_quality(LINE.repeat(1, 5), LINE, LABELS)
    assert found.trustworthiness == 1
    assert found.knn_accuracy == pytest.approx(1, abs=0.1)


def test_a_map_by_chance_is_trusted_half_and_tells_no_label():
    points = torch.rand(60, 2, generator=torch.Generator().manual_seed(0))
    found = map_quality(LINE, points, LABELS)
    assert found.trustworthiness == pytest.approx(0.5, abs=0.12)
    assert found.knn_accuracy == pytest.approx(0.5, abs=0.2)


def test_the_nearest_others_judge_and_not_the_sample_itself():
    points = torch.tensor([[0.0], [0.1], [0.2], [5.0]])
    labels = torch.tensor([0, 1, 1, 1])
    assert map_quality(points, points, labels, neighbours=1).knn_accuracy == 0.5  # 0 has 1 beside it, and 1 has 0


def test_without_labels_there_is_no_accuracy():
    assert map_quality(LINE, LINE).knn_accuracy is None
