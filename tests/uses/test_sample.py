"""Sampling: draws come from where they should, of the class that was asked for, and what can't be drawn is refused."""

import re

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.classifier import train_classifier
from isthmus.data import Samples
from isthmus.drawing.draws import mosaic
from isthmus.errors import DataError, UseError
from isthmus.samplers import Sampler, fit_sampler, fit_sequences
from isthmus.training import Settings
from isthmus.uses import sample as use
from isthmus.uses.judge import CLASSIFIER, classifier_of, judge

HOW = {"compile": False, "progress": False, "batch_size": 64, "learning_rate": 4e-3}


@pytest.fixture(scope="module")
def digits():
    return ist.open_data("digits")


@pytest.fixture(scope="module")
def vae(digits):
    return ist.fit(ist.recipe("vae", code=6, widths=(128,)).build(digits), digits, epochs=15, **HOW)


@pytest.fixture(scope="module")
def plain(digits):
    model = ist.recipe("vanilla", code=12).build(digits)
    return ist.fit(model, digits, epochs=15, **HOW)


@pytest.fixture(scope="module")
def cvae(digits):
    return ist.fit(ist.recipe("cvae", code=4, widths=(128,)).build(digits), digits, epochs=15, **HOW)


@pytest.fixture(scope="module")
def classifier(digits):
    return train_classifier(digits.train, digits.validation, scaling=digits.scaling)


def test_a_vaes_draws_are_decoded_draws_of_its_prior(vae):
    drawn = ist.sample(vae, 20, seed=3)
    codes = torch.randn(20, 6, generator=torch.Generator().manual_seed(3))
    assert drawn.way == "prior"
    assert torch.equal(drawn.codes, codes)
    assert torch.equal(drawn.values, vae.decode(codes))
    assert drawn.labels is None


def test_the_same_seed_draws_the_same_and_no_global_state_moves(plain):
    before, of_numpy = torch.random.get_rng_state(), np.random.get_state(legacy=False)["state"]["pos"]  # noqa: NPY002
    first, again = (ist.sample(plain, 5, way="mixture", seed=1) for _ in range(2))
    assert torch.equal(first.values, again.values)
    assert not torch.equal(first.values, ist.sample(plain, 5, way="mixture", seed=2).values)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert np.random.get_state(legacy=False)["state"]["pos"] == of_numpy  # noqa: NPY002


def test_a_mixture_fitted_to_the_codes_beats_naive_draws(plain, classifier):
    naive = use.Source(plain, fit_sampler(torch.zeros(1, 12), "prior"), "prior", None)
    ways = ("gaussian", "mixture", "neighbours")
    fitted = {way: judge(plain, way=way, features=classifier.features).draws for way in ways}
    bad = judge(plain, naive, features=classifier.features).draws
    assert all(found.frechet < 0.5 * bad.frechet for found in fitted.values())
    assert all(found.coverage > 1.5 * bad.coverage for found in fitted.values())
    assert fitted["mixture"].frechet < fitted["gaussian"].frechet


@pytest.mark.parametrize("label", ["0", "6"])
def test_a_class_is_drawn_from_that_classs_codes(plain, classifier, label):
    drawn = ist.sample(plain, 100, label=label, components=3)
    assert drawn.way == "mixture"
    assert drawn.labels is not None
    assert drawn.labels.tolist() == [int(label)] * 100
    found = classifier.probabilities(drawn.values).argmax(1)
    assert float((found == int(label)).double().mean()) > 0.8


def test_a_conditional_model_is_told_the_class(cvae, classifier):
    drawn = ist.sample(cvae, 100, label="3")
    assert drawn.way == "prior"
    assert torch.equal(drawn.values, cvae.decode(drawn.codes, torch.full((100,), 3)))
    found = classifier.probabilities(drawn.values).argmax(1)
    assert float((found == 3).double().mean()) > 0.8


def test_a_conditional_models_draws_are_of_each_class_in_turn(cvae):
    drawn = ist.sample(cvae, 13)
    assert drawn.labels is not None
    assert drawn.labels.tolist() == [*range(10), 0, 1, 2]
    assert torch.equal(drawn.values, cvae.decode(drawn.codes, drawn.labels))


def test_few_codes_are_spread_over_the_training_part(plain, digits):
    source = use.source_of(plain, way="neighbours", most=100)
    spread = plain.encode(digits.train.some(100))
    assert isinstance(source.sampler, Sampler)
    assert torch.equal(source.sampler.codes, spread)  # pyright: ignore[reportAttributeAccessIssue] neighbours have them


@pytest.mark.parametrize(
    ("words", "error", "why"),
    [
        ({}, UseError, "way='mixture'"),
        ({"way": "prior"}, UseError, "trained without a prior"),
        ({"way": "prior", "label": "3"}, UseError, "has no classes"),
        ({"way": "mixtures"}, DataError, "mixture"),
        ({"way": "mixture", "label": "eleven"}, DataError, "no class 'eleven'"),
        ({"way": "mixture", "count": 0}, DataError, "count=0"),
        ({"way": "mixture", "components": 5000}, DataError, "or more. Give more codes"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_what_to_do(plain, words, error, why):
    with pytest.raises(error, match=re.escape(why)):
        ist.sample(plain, **words)


def test_the_recipes_with_a_prior_are_known():
    towards = {name for name, row in ist.RECIPES.items() if any(part.towards_prior for part in row.blueprint.penalties)}
    vaes = {name for name in ist.RECIPES if name.endswith("vae")} | {"vgae", "iwae", "music-roll", "gumbel"}
    vaes |= {"miwae", "piwae", "ciwae"}
    matched = {"wae", "sliced-wae", "sinkhorn-wae", "aae", "vae-gan"}
    assert towards == vaes | matched | {"image-codec", "image-codec-hyper"}


def test_a_penalty_that_weighs_nothing_makes_no_prior(digits):
    blueprint = ist.recipe("vae", code=4, widths=(16,), weight=0.0)
    run = ist.Run(blueprint.build(digits).eval(), Settings(), data=digits, description=digits.description)
    assert not use.has_prior(run)


def test_quantised_codes_are_drawn_by_a_sequence_model_that_is_kept_with_the_run(digits, tmp_path, monkeypatch):
    pytest.importorskip("vector_quantize_pytorch")
    blueprint = ist.recipe("fsq", code=8, network__widths=(16,))
    run = ist.fit(blueprint.build(digits), digits, out=tmp_path / "run", epochs=1, progress=False, compile=False)
    for way in ("auto", "mixture"):
        with pytest.raises(UseError, match=r"quantised.*Choose way='sequences'"):
            ist.sample(run, way=way)
    assert use.section(run) is None
    monkeypatch.setattr("isthmus.uses.sequences.MOST_INDICES", 200)
    drawn = ist.sample(run, 5, way="sequences", label="3")
    assert drawn.labels is not None
    assert drawn.labels.tolist() == [3] * 5
    levels = run.model.code.from_indices(run.model.indices(digits.test.tensor()), (8,), None).float().unique(dim=0)
    assert set(drawn.codes[:, :4].flatten().tolist()) <= set(levels.flatten().tolist())
    again = ist.load(tmp_path / "run")
    monkeypatch.setattr("isthmus.uses.sequences.fit_sequences", None)
    assert torch.equal(ist.sample(again, 5, label="3").codes, drawn.codes)
    assert ist.sample(again, 3, top_p=0.9).way == "sequences"
    assert use.section(again) is not None


def test_a_sequence_model_of_another_model_is_not_used(digits, tmp_path):
    model = ist.recipe("hashing", code=8, network__widths=(16,)).build(digits)
    run = ist.Run(model.eval(), Settings(), data=digits, description=digits.description, folder=tmp_path)
    indices = model.indices(digits.train.tensor()[:50])
    fit_sequences(indices, 256, epochs=1, width=16, depth=1, model="another").save(tmp_path / "sequences.safetensors")
    with pytest.raises(UseError, match="way='sequences'"):
        ist.sample(run)


def test_a_code_of_numbers_has_no_indices_to_draw(plain):
    with pytest.raises(UseError, match="a plain code has none"):
        ist.sample(plain, way="sequences")


def table(count=200, labels=False):
    """Rows around two centres, of correlated columns."""
    generator = torch.Generator().manual_seed(0)
    side = torch.arange(count) % 2
    values = torch.randn(count, 1, generator=generator) * torch.tensor([1.0, -2.0, 0.5]) + 6 * side[:, None]
    marks = side if labels else None
    return Samples(values, marks, ("low", "high") if labels else (), columns=("a", "b", "c"))


def open_table(**words):
    samples = table()
    return ist.open_data(samples.tensor().numpy(), **words)


@pytest.fixture(scope="module")
def rows():
    data = open_table()
    return ist.fit(ist.recipe("vanilla", code=2).build(data), data, epochs=60, **HOW)


def test_data_without_labels_are_judged_by_their_principal_components(rows):
    found = judge(rows, way="mixture")
    assert found.features == "the data's first 3 principal components"
    assert found.sharpness is None
    assert found.likelihood is None
    assert found.to_json()["draws"]["draws"] == found.draws.draws == 20


def test_a_class_of_data_without_labels_is_refused(rows):
    with pytest.raises(DataError, match="no labels"):
        ist.sample(rows, label="1")


def test_features_of_ones_own_are_used(vae):
    seen = []

    def means(given):
        values = given.tensor() if isinstance(given, Samples) else given
        seen.append(len(values))
        return values.float().flatten(1)[:, :6]

    found = judge(vae, features=means, count=40)
    assert seen == [40, 40, 40]
    assert found.features == "your own function"
    assert (found.draws.draws, found.draws.real) == (40, 40)


def test_training_samples_are_better_than_draws(vae, classifier):
    found = judge(vae, features=classifier.features)
    assert found.data is not None
    assert found.part == "test"
    assert found.data.frechet < found.draws.frechet
    assert found.data.coverage > found.draws.coverage
    assert found.sharpness is not None
    assert found.sharpness[0] < found.sharpness[1]


def test_a_vae_is_judged_by_its_likelihood_too(vae, classifier):
    found = judge(vae, features=classifier.features, count=60)
    assert found.likelihood is not None
    told = found.to_json()["log_likelihood"]
    assert told["samples"] == 60
    assert told["bits_per_number"] == pytest.approx(-told["nats"] / 64 / np.log(2))
    assert told["nats"] == found.likelihood.mean


def test_the_classifier_is_kept_with_the_run_and_trained_anew_for_other_data(vae, tmp_path):
    kept = ist.Run(vae.model, vae.settings, data=vae.data, folder=tmp_path, description=vae.description)
    first = classifier_of(kept)
    assert (tmp_path / CLASSIFIER).exists()
    told = []
    again = classifier_of(kept, progress=lambda *by: told.append(by))
    assert torch.equal(again.head.weight.cpu(), first.head.weight.cpu())
    assert not told
    kept.description = kept.description | {"fingerprint": "another"}
    classifier_of(kept, progress=lambda *by: told.append(by))
    assert told


def test_a_class_is_judged_against_that_class(plain, classifier, digits):
    found = judge(plain, label="4", features=classifier.features)
    assert found.draws.real == found.draws.draws == int((digits.test.labels == 4).sum())
    assert found.draws.precision > 0.5


def test_the_report_shows_draws_of_every_kind_of_data(vae, cvae, plain, rows):
    for run, origin in ((vae, "the prior"), (cvae, "the prior"), (plain, "a mixture"), (rows, "a mixture")):
        section = use.section(run)
        assert section is not None
        assert origin in section.words[0]
        assert section.plates[0].light
    series = ist.open_data(np.sin(np.linspace(0, 9, 40) + np.arange(60)[:, None])[:, None], kind="series")
    section = use.section(ist.fit(ist.recipe("series", code=3).build(series), series, epochs=1, **HOW))
    assert section is not None


def test_the_report_leaves_out_models_with_too_few_codes(plain, digits):
    train, validation, test = (part.take(range(3)) for part in digits.parts.values())
    few = ist.Data(train, validation, test, digits.scaling, digits.description)
    assert use.section(ist.Run(plain.model, plain.settings, data=few, description=digits.description)) is None


def test_a_mosaic_has_each_picture_in_its_place():
    pictures = np.arange(5, dtype=np.uint8)[:, None, None, None].repeat(300, axis=2).repeat(300, axis=3)
    board = mosaic(pictures)
    assert board.shape == (1, 601, 902)
    assert [board[0, 10, 10], board[0, 10, 310], board[0, 10, 610], board[0, 310, 10], board[0, 310, 310]] == [
        *range(5)
    ]
    assert board[0, 310, 610] == board[0, 300, 0] == 255
