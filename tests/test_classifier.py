"""The classifier: that it learns, repeats to the bit, comes back from disk, takes a body, and leaves the rest alone."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer
from torch import nn

import isthmus as ist
from isthmus import classifier
from isthmus.classifier import QUICK, load_classifier, train_classifier
from isthmus.data import Samples
from isthmus.errors import DataError, RunError
from isthmus.parts.layers import initialise
from isthmus.storage.checked import save_tensors
from isthmus.training import Settings


@pytest.fixture(scope="module")
def digits():
    return ist.open_data("digits")


@pytest.fixture(scope="module")
def judge(digits):
    return train_classifier(digits.train, digits.validation, scaling=digits.scaling)


def clouds(count=300, classes=3, width=5):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % classes
    centres = 4 * torch.randn(classes, width, generator=generator)
    return Samples(centres[labels] + torch.randn(count, width, generator=generator), labels)


def numpy_global_state():
    state = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 that it stays is the point
    return state["key"].tolist(), state["pos"]


def body(*more):
    """(N, 5) to (N, 8), always the same, then what more is given."""
    layer = nn.Linear(5, 8)
    initialise(layer, "relu", torch.Generator().manual_seed(0))
    return nn.Sequential(layer, *more)


def same_weights(one, other):
    return all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_it_learns_digits_from_pictures(judge, digits):
    assert judge.accuracy(digits.test) > 0.95


def test_its_features_decide_between_classes(judge, digits):
    features = judge.features(digits.test)
    assert features.shape == (len(digits.test), 64)
    by_hand = (features @ judge.head.weight.T + judge.head.bias).softmax(1)
    torch.testing.assert_close(judge.probabilities(digits.test), by_hand)
    torch.testing.assert_close(by_hand.sum(1), torch.ones(len(by_hand)))


def test_samples_and_a_tensor_of_the_same_raw_values_are_alike(judge, digits):
    assert torch.equal(judge.features(digits.test), judge.features(digits.test.tensor()))


def test_a_table_is_learnt():
    given, classes = load_breast_cancer(return_X_y=True)
    order = torch.randperm(len(classes), generator=torch.Generator().manual_seed(0))
    values, labels = torch.tensor(given).float()[order], torch.tensor(classes).long()[order]
    judge = train_classifier(Samples(values[:400], labels[:400]), Samples(values[400:500], labels[400:500]))
    assert judge.accuracy(Samples(values[500:], labels[500:])) > 0.9


def test_series_are_learnt_by_their_form_with_ends_missing():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(200) % 2
    time = torch.arange(40) / 40
    phase = torch.rand(200, 1, generator=generator)
    values = torch.sin(2 * torch.pi * (time * (2 + 3 * labels[:, None]) + phase))
    values[:, 35:] = torch.nan
    series = Samples(values[:, None], labels, kind="series")
    assert train_classifier(series).accuracy(series) > 0.95


def test_a_column_of_categories_is_embedded():
    samples = Samples(
        torch.tensor([[0.0], [1.0], [2.0]] * 40), torch.tensor([1, 0, 1] * 40), categories=(tuple("abc"),)
    )
    assert train_classifier(samples).accuracy(samples) == 1.0


def test_the_same_seed_gives_the_same_bits_and_another_one_others():
    samples = clouds()
    first, again = train_classifier(samples), train_classifier(samples)
    assert same_weights(first, again)
    assert not same_weights(first, train_classifier(samples, settings=QUICK.replace(seed=1)))


def test_no_global_random_state_is_touched():
    dropping = body(nn.Dropout(0.5))
    before, of_numpy = torch.random.get_rng_state(), numpy_global_state()
    train_classifier(clouds())
    train_classifier(clouds(), body=dropping)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert numpy_global_state() == of_numpy


def test_a_body_that_draws_repeats_whatever_the_global_state():
    first = train_classifier(clouds(), body=body(nn.Dropout(0.5)))
    torch.rand(3)
    assert same_weights(first, train_classifier(clouds(), body=body(nn.Dropout(0.5))))


def test_a_given_body_is_copied_and_fine_tuned():
    given = body()
    judge = train_classifier(clouds(), body=given)
    assert same_weights(given, body())
    assert not same_weights(judge.body, given)
    assert judge.head.in_features == 8


def test_the_head_alone_leaves_the_body_and_its_statistics_as_they_were():
    given = body(nn.BatchNorm1d(8), nn.ReLU())
    judge = train_classifier(clouds(), body=given, only_head=True, settings=Settings(epochs=60, learning_rate=0.01))
    assert same_weights(judge.body, given)
    assert judge.accuracy(clouds()) > 0.9


def test_a_body_rate_of_nearly_nothing_moves_only_the_head():
    judge = train_classifier(clouds(), body=body(), body_rate=1e-9)
    torch.testing.assert_close(judge.body.state_dict(), body().state_dict(), atol=1e-6, rtol=0)


def test_an_autoencoders_encoder_serves_as_body(digits):
    model = ist.recipe("deep", code=16).build(digits)
    judge = train_classifier(digits.train, digits.validation, scaling=model.scaling, body=model.encoder)
    assert judge.head.in_features == 16
    assert judge.accuracy(digits.test) > 0.9


def test_it_stops_early_and_keeps_the_best_weights():
    train, labels = clouds(30), (torch.arange(30) + 1) % 3
    wrong = Samples(train.values, labels)  # the better it learns, the worse its validation loss
    judge = train_classifier(train, wrong, settings=Settings(epochs=50, patience=3, learning_rate=0.01))
    losses = [row["validation_loss"] for row in judge.history]
    assert len(losses) == losses.index(min(losses)) + 4 < 50
    found = nn.functional.cross_entropy(judge.probabilities(wrong).log(), labels)
    assert float(found) == pytest.approx(min(losses), rel=1e-5)


def test_progress_is_told_each_epoch():
    seen = []
    train_classifier(clouds(), settings=Settings(epochs=3), progress=lambda *told: seen.append(told))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_it_comes_back_from_disk_to_the_bit(judge, digits, tmp_path):
    judge.save(tmp_path / "judge.safetensors")
    again = load_classifier(tmp_path / "judge.safetensors")
    assert torch.equal(again.probabilities(digits.test), judge.probabilities(digits.test))
    assert again.label_names == judge.label_names
    assert again.history == judge.history


def test_a_body_of_ones_own_is_asked_for_when_it_comes_back(tmp_path):
    judge = train_classifier(clouds(), body=body())
    judge.save(tmp_path / "judge.safetensors")
    with pytest.raises(RunError, match="body="):
        load_classifier(tmp_path / "judge.safetensors")
    again = load_classifier(tmp_path / "judge.safetensors", body=body())
    assert same_weights(again, judge)


def test_another_file_is_refused(tmp_path):
    save_tensors(tmp_path / "other.safetensors", {"a": torch.zeros(1)}, {"sampler": "gaussians"})
    with pytest.raises(RunError, match="is not a classifier"):
        load_classifier(tmp_path / "other.safetensors")


@pytest.mark.parametrize(
    ("train", "why"),
    [
        (Samples(torch.zeros(4, 2)), "no labels"),
        (Samples(torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64)), "same label"),
        (Samples(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64)), "no samples"),
    ],
)
def test_what_gives_nothing_to_learn_is_refused(train, why):
    with pytest.raises(DataError, match=why):
        train_classifier(train)


def test_a_body_of_another_shape_is_refused():
    with pytest.raises(DataError, match=r"can't take a sample of shape \(5,\)"):
        train_classifier(clouds(), body=nn.Linear(7, 8))


def test_probabilities_are_the_same_however_many_samples_go_together(digits, judge, monkeypatch):
    whole = judge.probabilities(digits.test)
    monkeypatch.setattr(classifier, "inference_batch_size", lambda numbers: 7)
    for given in (digits.test, digits.test.tensor()):
        torch.testing.assert_close(judge.probabilities(given), whole, rtol=1e-4, atol=1e-6)
