"""Few labelled samples."""

import torch

from isthmus.data import Samples
from isthmus.experiments.labelled import draw_few


def test_few_samples_are_drawn_class_by_class_and_by_the_seed():
    labels = torch.tensor([0] * 90 + [1] * 8 + [2] * 2)
    samples = Samples(torch.arange(100.0)[:, None], labels=labels, label_names=("a", "b", "c"))
    few = draw_few(samples, 12, seed=1)
    assert few.labels is not None
    assert torch.bincount(few.labels).tolist() == [5, 5, 2]
    assert torch.equal(few.tensor(), draw_few(samples, 12, seed=1).tensor())
    assert not torch.equal(few.tensor(), draw_few(samples, 12, seed=2).tensor())
    assert len(draw_few(samples, 1000, seed=0)) == 100
