"""What a model has not seen is told from what it has."""

import math

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.drawing.look import Look
from isthmus.drawing.theme import LIGHT
from isthmus.errors import DataError
from isthmus.uses.detect import draw_most_anomalous, most_anomalous_of, section
from isthmus.uses.scores import element_errors
from isthmus.uses.usual import Usual


def test_strangest_come_first_in_their_order_where_scores_are_alike_and_what_is_not_finite_before_all():
    scores = torch.tensor([1.0, 3.0, 2.0, 3.0, math.nan, 0.0, 2.0, math.inf], dtype=torch.float64)
    assert most_anomalous_of(scores, 6) == (4, 7, 1, 3, 2, 6)
    assert most_anomalous_of(torch.zeros(99), 3) == (0, 1, 2)
    assert most_anomalous_of(scores[:2], 10) == (1, 0)
    assert most_anomalous_of(scores[:0], 10) == ()


def test_quantile_of_the_validation_part_lies_below_the_threshold(digits):
    run, _ = digits
    found = ist.detector(run, quantile=0.9)
    assert found.part == "validation"
    share = float((found.scores(run.data.validation) <= found.threshold).double().mean())
    assert share == pytest.approx(0.9, abs=0.01)


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


@pytest.mark.parametrize(("words", "match"), [({"by": "eror"}, "error"), ({"quantile": 1.0}, "a share")])
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


def test_table_picture_and_report_attribute_a_row_alike(table):
    from isthmus.parts.model import eval_mode
    from isthmus.report.looks import Looks

    run, _ = table
    found = ist.detect(run, run.data.test, "error")
    figure = draw_most_anomalous(run.model, found.samples, cells=[one.columns for one in found.most_anomalous])
    drawn = {label.get_text() for label in figure.axes[0].get_xticklabels()} - {"the rest"}
    assert drawn == {cell[0] for one in found.most_anomalous for cell in one.columns}
    evaluation = run.evaluation()
    with eval_mode(run.model):
        looks = Looks(run.model, run.baseline(), run.data.test, evaluation.errors["test"])
        worst = looks.worst_rows(Usual.of(run.data.train), Look.of(run))
    named = [row["columns"][0]["name"] for row in worst]
    assert named == [one.columns[0].column for one in found.most_anomalous[: len(named)]]
