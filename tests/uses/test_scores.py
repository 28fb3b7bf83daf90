"""Each score of how anomalous a sample is, against its definition."""

import numpy as np
import pyarrow as pa
import pytest
import torch
from sklearn.metrics import roc_auc_score

import isthmus as ist
from isthmus.errors import Remark, UseError
from isthmus.uses import scores
from isthmus.uses.prototypes import Numbers, Prototypes


def auroc(run, by, known, anomalous, **words):
    found = ist.detector(run, by, **words)
    scores = torch.cat([found.scores(known), found.scores(anomalous)])
    return roc_auc_score([0] * len(known) + [1] * len(anomalous), scores)


def test_unseen_digit_has_larger_errors(digits):
    run, nines = digits
    assert auroc(run, "error", run.data.test, nines) > 0.7


def test_code_tells_what_lies_far_along_its_own_directions(table):
    run, values = table
    far = run.read(5 * values[:100])
    assert auroc(run, "distance", run.data.test, far) > 0.9
    assert auroc(run, "neighbours", run.data.test, far) > 0.9


def test_distance_is_that_of_mahalanobis(table):
    run, _ = table
    codes, test = run.encode(run.data.train).double(), run.encode(run.data.test).double()
    inverse = torch.linalg.inv(codes.T.cov(correction=0))
    off = test - codes.mean(0)
    expected = ((off @ inverse) * off).sum(1).sqrt()
    assert ist.detector(run, "distance").scores(run.data.test).numpy() == pytest.approx(expected.numpy(), rel=1e-5)


def test_error_is_the_mean_squared_error_of_each_sample(table):
    run, _ = table
    expected = run.evaluation().errors["test"]["model"]
    assert ist.detector(run, "error").scores(run.data.test).float().numpy() == pytest.approx(expected.numpy(), rel=1e-5)


@pytest.mark.parametrize("kind", ["pictures", "series"])
def test_unexplained_share_is_one_less_the_coefficient_of_determination(kind):
    shape = {"pictures": (60, 5, 6, 2), "series": (60, 2, 12)}[kind]
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    if kind == "series":
        values[:20, :, 9:] = np.nan  # these end early
    else:
        values = (60 * values + 120).clip(0, 255).astype(np.uint8)
    data = ist.open_data(values, kind=kind, channels="first", test=0.3, validation=0)
    run = ist.fit(ist.recipe("deep", code=6).build(data), data, epochs=1, progress=False, compile=False)
    test = data.test
    given = data.scaling(test.tensor()).numpy()
    made = data.scaling(run.reconstruct(test)).numpy()
    spread = given - np.nanmean(given.reshape(*given.shape[:2], -1), 2).reshape(
        *given.shape[:2], *[1] * (given.ndim - 2)
    )
    inner = tuple(range(1, given.ndim))
    known = ~np.isnan(given)
    expected = np.nansum(np.where(known, made - given, 0.0) ** 2, inner) / np.nansum(spread**2, inner)
    assert ist.detector(run, "unexplained").scores(test).numpy() == pytest.approx(expected, rel=1e-4)


def test_faint_and_empty_pictures_are_strange_by_the_unexplained_share(digits):
    run, _ = digits
    faint = run.read((run.data.test.tensor()[:, 0] // 16).to(torch.uint8).numpy())
    assert auroc(run, "error", run.data.test, faint) < 0.5
    assert auroc(run, "unexplained", run.data.test, faint) > 0.95
    empty = ist.detector(run, "unexplained").scores(run.read(np.zeros((1, 8, 8), np.uint8)))
    assert float(empty) > 1e3


def test_rows_of_tables_have_no_unexplained_share(table):
    run, values = table
    with pytest.raises(UseError, match="by='error'"):
        ist.detect(run, values, "unexplained")


def test_neighbours_of_the_training_part_leave_each_sample_itself_out(digits):
    run, _ = digits
    data = ist.open_data(run.data.train, validation=0)
    alone = ist.Run(run.model, run.settings, data=data, description=data.description)
    found = ist.detector(alone, "neighbours")
    assert found.part == "train"
    assert float(found.usual.min()) > 0


def test_likelihood_wants_a_model_that_has_one(digits):
    run, nines = digits
    with pytest.raises(UseError, match="has no likelihood"):
        ist.detect(run, nines, "likelihood")


def test_likelihood_is_higher_for_what_was_seen():
    data = ist.open_data("digits")
    model = ist.recipe("vae", code=4, widths=(32,)).build(data)
    run = ist.fit(model, data, epochs=2, learning_rate=3e-3, progress=False, compile=False)
    noise = torch.randint(0, 255, (50, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert auroc(run, "likelihood", data.test, run.read(noise.numpy()), draws=2) > 0.95


@pytest.mark.parametrize("by", ["error", "unexplained", "likelihood", "distance", "neighbours"])
def test_scores_are_the_same_however_many_samples_go_together(vae, by, monkeypatch):
    found = ist.detector(vae, by)
    whole = found.scores(vae.data.test)
    monkeypatch.setattr(scores, "inference_batch_size", lambda numbers: 7)
    again = ist.detector(vae, by)
    torch.testing.assert_close(again.scores(vae.data.test), whole, rtol=1e-4, atol=1e-5)
    assert again.threshold == pytest.approx(found.threshold, rel=1e-4)


def test_prototypes_are_the_geometric_mean_of_the_distances_from_the_nearest(table):
    run, _ = table
    near = Prototypes(Numbers(run.model, run.data.train), run.data.train, run.data.test)
    found = ist.detector(run, "prototypes").scores(run.data.test)
    assert found.log().numpy() == pytest.approx(near(run.data.test.tensor()).numpy(), abs=0.3)  # another floor


def test_combined_weighs_the_normalised_error_by_a_twentieth_or_a_third(table):
    run, _ = table
    errors, own = (scores.element_errors(run.model, part).double() for part in (run.data.test, run.data.train))
    error = (errors / (own.median(0).values + 1e-6)).mean(1).log() / 2
    for clean, weight in ((False, 0.05), (True, 1 / 3)):
        near, found = (
            ist.detector(run, by, clean=clean).scores(run.data.test).log() for by in ("prototypes", "combined")
        )
        assert found.numpy() == pytest.approx(((1 - weight) * near + weight * error).numpy(), abs=1e-4)


def test_tables_are_scored_by_combined_and_the_rest_by_the_error(table, digits):
    assert ist.detector(table[0]).by == "combined"
    assert ist.detector(digits[0]).by == "error"
    with pytest.raises(UseError, match="needs a table"):
        ist.detector(digits[0], "combined")


def test_a_wrong_category_counts_more_in_a_column_that_is_usually_right():
    generator = np.random.default_rng(0)
    kind = generator.integers(0, 2, 600)
    table = pa.table({"x": 5.0 * kind + generator.normal(size=600), "kind": np.array(["a", "b"])[kind]})
    data = ist.open_data(table, test=0)
    run = ist.fit(ist.recipe("table", code=1).build(data), data, epochs=5, progress=False)
    found = ist.detector(run)
    right, wrong = (found.scores(run.read(pa.table({"x": [5.0], "kind": [kind]}))) for kind in "ba")
    assert bool(right < wrong)
    with pytest.warns(Remark, match="'new'"):
        unknown = run.read(pa.table({"x": [5.0], "kind": ["new"]}))
    assert bool(found.scores(unknown) > found.threshold)


def test_prototypes_find_anomalies_that_resemble_each_other():
    generator = np.random.default_rng(0)
    values = np.concatenate([generator.normal(size=(990, 6)), generator.normal(6, 0.1, size=(10, 6))])
    data = ist.open_data(values, kind="table", test=0, validation=0)
    run = ist.fit(ist.recipe("deep", code=2).build(data), data, epochs=1, progress=False)
    usual, far = run.read(generator.normal(size=(200, 6))), run.read(generator.normal(6, 0.1, size=(50, 6)))
    assert auroc(run, "prototypes", usual, far) > 0.99


def test_prototypes_compare_known_numbers_and_names():
    generator = np.random.default_rng(0)
    table = pa.table({"x": generator.normal(size=300), "kind": ["a", "b", "a"] * 100})
    data = ist.open_data(table, missing="keep")
    run = ist.fit(ist.recipe("table", code=1).build(data), data, epochs=1, progress=False)
    found = ist.detector(run, "prototypes")
    near, far, holed = (
        found.scores(run.read(pa.table({"x": [x], "kind": ["a"]}, schema=table.schema))) for x in (0.0, 9.0, None)
    )
    assert bool(near < far)
    assert bool(holed.isfinite())


def test_prototypes_need_numbers():
    data = ist.open_data(["one text", "another text", "a third one"] * 10, validation=0, test=0)
    run = ist.fit(ist.recipe("text-vae", code=2).build(data), data, epochs=1, progress=False)
    with pytest.raises(UseError, match="needs numbers"):
        ist.detector(run, "prototypes")
