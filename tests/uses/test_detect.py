"""What a model has not seen is told from what it has."""

import math

import numpy as np
import pyarrow as pa
import pytest
import torch
from sklearn.metrics import roc_auc_score

import isthmus as ist
from isthmus.drawing.rows import Look
from isthmus.drawing.theme import LIGHT
from isthmus.errors import DataError, Remark, UseError
from isthmus.uses import scores
from isthmus.uses.cells import cells_off, usual_row
from isthmus.uses.detect import draw_most_anomalous, most_anomalous_of, section
from isthmus.uses.scores import element_errors


@pytest.fixture(scope="module")
def digits():
    """Principal components of all digits but the nines, the run's test part, and the nines."""
    whole = ist.open_data("digits", test=0, validation=0).train
    assert whole.labels is not None
    known, nines = whole.take((whole.labels != 9).nonzero()[:, 0]), whole.take((whole.labels == 9).nonzero()[:, 0])
    data = ist.open_data(known)
    return ist.fit(ist.recipe("pca", code=24).build(data), data, progress=False), nines


@pytest.fixture(scope="module")
def table():
    """A run on a table of five columns that hang together, and what it is drawn from."""
    generator = np.random.default_rng(0)
    inner, mixing = generator.normal(size=(800, 2)), generator.normal(size=(2, 5))
    values = inner @ mixing + 0.05 * generator.normal(size=(800, 5))
    data = ist.open_data(values.astype(np.float32))
    return ist.fit(ist.recipe("pca", code=2).build(data), data, progress=False), values.astype(np.float32)


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


def test_strangest_come_first_in_their_order_where_scores_are_alike_and_what_is_not_finite_before_all():
    scores = torch.tensor([1.0, 3.0, 2.0, 3.0, math.nan, 0.0, 2.0, math.inf], dtype=torch.float64)
    assert most_anomalous_of(scores, 6) == (4, 7, 1, 3, 2, 6)
    assert most_anomalous_of(torch.zeros(99), 3) == (0, 1, 2)
    assert most_anomalous_of(scores[:2], 10) == (1, 0)
    assert most_anomalous_of(scores[:0], 10) == ()


def test_cells_of_many_rows_are_those_of_each_by_itself(table):
    run, values = table
    changed = run.read(values[:6] + np.eye(6, 5, dtype=np.float32) * 8)
    usual, look = usual_row(run.data.train), Look.of(run)
    inference_batch_size = cells_off(run.model, changed, usual, look)
    alone = [cells_off(run.model, changed.take([row]), usual, look)[0] for row in range(6)]
    # a share is 1 less a ratio of sums of 5 squares, after 10 passes through 2 products of float32; how a product sums
    # up hangs on how many rows it has
    tolerance = 10 * 2 * 5 * torch.finfo(torch.float32).eps
    for cells, own in zip(inference_batch_size, alone, strict=True):
        assert {cell[0]: cell[3] for cell in cells} == pytest.approx({cell[0]: cell[3] for cell in own}, abs=tolerance)
    assert [cells[0][0] for cells in inference_batch_size[:5]] == [f"column {place + 1}" for place in range(5)]


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
    assert ist.detector(run).scores(run.data.test).float().numpy() == pytest.approx(expected.numpy(), rel=1e-5)


@pytest.mark.parametrize("kind", ["pictures", "series"])
def test_unexplained_share_is_one_less_the_coefficient_of_determination(kind):
    shape = {"pictures": (60, 5, 6, 2), "series": (60, 2, 12)}[kind]
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    if kind == "series":
        values[:20, :, 9:] = np.nan  # these end early
    else:
        values = (60 * values + 120).clip(0, 255).astype(np.uint8)
    data = ist.open_data(values, kind=kind, test=0.3, validation=0)
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


def test_quantile_of_the_validation_part_lies_below_the_threshold(digits):
    run, _ = digits
    found = ist.detector(run, quantile=0.9)
    assert found.part == "validation"
    share = float((found.scores(run.data.validation) <= found.threshold).double().mean())
    assert share == pytest.approx(0.9, abs=0.01)


def test_broken_cell_is_named_before_those_that_it_pulls_along():
    generator = np.random.default_rng(0)
    values = generator.normal(size=(400, 1)) * [3.0, 1, 1, 1] + 0.05 * generator.normal(size=(400, 4))
    data = ist.open_data(values.astype(np.float32), scaling="none")
    run = ist.fit(ist.recipe("pca", code=1).build(data), data, progress=False)
    changed = values[:20].astype(np.float32)
    changed[7, 0] = 90
    errors = ist.detector(run).where(run.read(changed))[7]
    assert int(errors.argmax()) != 0  # it is followed
    (name, given, expected, share) = ist.detect(run, changed).most_anomalous[0].columns[0]
    assert (name, given) == ("column 1", 90)
    assert expected == pytest.approx(values[7, 0], abs=0.5)
    assert share > 0.99


def test_broken_category_is_named_by_its_words(tmp_path):
    generator = np.random.default_rng(0)
    city = generator.integers(0, 3, 400)
    rows = [
        f"{place * 4 + noise:.3f},{place * 3 - noise:.3f},{('Berlin', 'Paris', 'Rome')[place]}"
        for place, noise in zip(city, generator.normal(size=400), strict=True)
    ]
    (tmp_path / "table.csv").write_text("\n".join(["x,y,city", *rows]))
    data = ist.open_data(tmp_path / "table.csv", categorical="auto")
    model = ist.recipe("table", code=1, widths=(32,)).build(data)
    run = ist.fit(model, data, epochs=30, learning_rate=3e-3, progress=False, compile=False)
    (tmp_path / "odd.csv").write_text("x,y,city\n8.0,6.0,Rome\n0.0,0.0,Rome\n")
    columns = ist.detect(run, tmp_path / "odd.csv").most_anomalous[0].columns
    (told,) = [(given, expected) for name, given, expected, _ in columns if name == "city"]
    assert told in [("Rome", "Berlin"), ("Rome", "Paris")]


def test_changed_cell_is_found_with_its_column(table):
    run, values = table
    changed = values[:50].copy()
    changed[7, 3] += 4
    found = ist.detect(run, changed)
    assert found.most_anomalous[0].sample == 7
    assert found.anomalous[7]
    assert found.most_anomalous[0].columns[0][0] == "column 4"
    assert found.most_anomalous[0].columns[0][1] == pytest.approx(changed[7, 3])
    assert found.to_json()["most_anomalous"][0]["columns"][0]["column"] == "column 4"


def test_pieces_make_the_same_detection_as_the_whole(table, monkeypatch):
    run, values = table
    whole = ist.detect(run, values)
    monkeypatch.setattr("isthmus.data.stream.PIECE", 20 * 5 * 4)
    pieces: list[int] = []
    found = ist.detect(run, values, each=lambda piece, scores, threshold: pieces.append(len(piece)))
    assert len(pieces) > 10
    assert torch.allclose(found.scores, whole.scores)
    assert [one.sample for one in found.most_anomalous] == [one.sample for one in whole.most_anomalous]


def test_heat_lies_where_the_picture_was_changed(digits):
    run, _ = digits
    picture = run.data.test.tensor()[:1].clone()
    before = element_errors(run.model, run.read(picture.numpy()))
    picture[0, 0, 0, 0] = 255
    heat = element_errors(run.model, run.read(picture.numpy())) - before
    assert int(heat.flatten().argmax()) == 0


def test_photograph_is_given_to_a_digits_model_by_the_reading_options(digits, tmp_path):
    from PIL import Image

    run, _ = digits
    noise = np.random.default_rng(0).integers(0, 255, (50, 70, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    with pytest.raises(DataError):
        ist.detect(run, tmp_path / "photo.png")
    assert bool(ist.detect(run, tmp_path / "photo.png", size=8, mode="L").anomalous.all())


def test_likelihood_wants_a_model_that_has_one(digits):
    run, nines = digits
    with pytest.raises(UseError, match="tells no likelihood"):
        ist.detect(run, nines, "likelihood")


def test_likelihood_is_higher_for_what_was_seen():
    data = ist.open_data("digits")
    model = ist.recipe("vae", code=4, widths=(32,)).build(data)
    run = ist.fit(model, data, epochs=2, learning_rate=3e-3, progress=False, compile=False)
    noise = torch.randint(0, 255, (50, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert auroc(run, "likelihood", data.test, run.read(noise.numpy()), draws=2) > 0.95


@pytest.mark.parametrize(("words", "match"), [({"by": "eror"}, "error"), ({"quantile": 1.0}, "no share")])
def test_wrong_words_are_refused(digits, words, match):
    run, nines = digits
    with pytest.raises(DataError, match=match):
        ist.detect(run, nines, **words)


def test_section_tells_the_share_and_shows_the_strangest(digits):
    made = section(digits[0])
    assert made is not None
    assert [plate.title for plate in made.plates] == ["Scores", "The most anomalous samples"]
    assert "test samples" in made.words[0]


@pytest.mark.parametrize("kind", ["series", "table"])
def test_strangest_of_other_data_can_be_drawn(kind):
    shape = {"series": (200, 2, 12), "table": (200, 6)}[kind]
    data = ist.open_data(np.random.default_rng(0).normal(size=shape).astype(np.float32), kind=kind)
    run = ist.fit(ist.recipe("pca", code=2).build(data), data, progress=False)
    found = ist.detect(run, data.test)
    cells = [one.columns for one in found.most_anomalous]
    assert draw_most_anomalous(run.model, found.samples, theme=LIGHT, cells=cells).axes


def test_two_broken_cells_are_both_named_and_the_shares_of_a_row_add_up_to_one_at_most():
    generator = np.random.default_rng(1)
    values = generator.normal(size=(800, 2)) @ generator.normal(size=(2, 9)) + 0.05 * generator.normal(size=(800, 9))
    data = ist.open_data(values.astype(np.float32))
    run = ist.fit(ist.recipe("pca", code=2).build(data), data, progress=False)
    broken = values[:8].astype(np.float32)
    broken[:, 2] += 6
    broken[:, 7] -= 9
    for row in cells_off(run.model, run.read(broken), usual_row(data.train), Look.of(run), most=5):
        assert {cell[0] for cell in row[:2]} == {"column 3", "column 8"}
        assert 0.95 < sum(cell[3] for cell in row) <= 1 + 1e-6


def test_table_picture_and_report_attribute_a_row_alike(table):
    from isthmus.parts.model import eval_mode
    from isthmus.report.looks import Looks

    run, _ = table
    found = ist.detect(run, run.data.test)
    figure = draw_most_anomalous(run.model, found.samples, cells=[one.columns for one in found.most_anomalous])
    drawn = {label.get_text() for label in figure.axes[0].get_xticklabels()} - {"the rest"}
    assert drawn == {cell[0] for one in found.most_anomalous for cell in one.columns}
    evaluation = run.evaluation()
    with eval_mode(run.model):
        looks = Looks(run.model, run.baseline(), run.data.test, evaluation.errors["test"])
        worst = looks.worst_rows(usual_row(run.data.train), Look.of(run))
    named = [[column["name"] for column in row["columns"]] for row in worst]
    assert named == [[cell[0] for cell in one.columns] for one in found.most_anomalous[: len(named)]]


@pytest.mark.parametrize("by", ["error", "unexplained", "likelihood", "distance", "neighbours"])
def test_scores_are_the_same_however_many_samples_go_together(vae, by, monkeypatch):
    found = ist.detector(vae, by)
    whole = found.scores(vae.data.test)
    monkeypatch.setattr(scores, "inference_batch_size", lambda numbers: 7)
    again = ist.detector(vae, by)
    torch.testing.assert_close(again.scores(vae.data.test), whole, rtol=1e-4, atol=1e-5)
    assert again.threshold == pytest.approx(found.threshold, rel=1e-4)


@pytest.mark.parametrize("by", ["error", "neighbours"])
def test_an_unknown_category_is_anomalous_and_named_and_a_missing_one_is_neither(by):

    place = np.random.default_rng(0)
    kind = place.choice(["http", "smtp", "dns"], 400)
    size = np.where(kind == "http", 1.0, 3.0) + place.normal(0, 0.2, 400)
    given = {"kind": kind, "size": size} | {f"n{i}": size + place.normal(0, 0.1, 400) for i in range(6)}
    data = ist.open_data(pa.table(given), categorical="auto", missing="keep")
    run = ist.fit(ist.recipe("table", code=2).build(data), data, epochs=3, compile=False, progress=False)
    row = {name: pa.array([values[0]] * 2) for name, values in given.items()}
    with pytest.warns(Remark, match="taken for unknown"):
        found = ist.detect(run, pa.table(row | {"kind": pa.array(["backdoor", None])}), by)
    assert found.anomalous.tolist() == [True, False]
    assert found.most_anomalous[0].sample == 0
    assert found.most_anomalous[0].columns[0][:2] == ("kind", "unknown")
