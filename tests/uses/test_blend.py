"""Blending: the mathematics of the ways, what lies on them, and what can't be blended."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image, ImageSequence

import isthmus as ist
from isthmus.classifier import train_classifier
from isthmus.errors import DataError, Remark, UseError
from isthmus.uses.blend import WAYS, _mixed, along, known_ways, linear, section, spherical

DRAW = torch.Generator().manual_seed(0)
A, B = torch.randn(4, 3, 2, generator=DRAW), torch.randn(4, 3, 2, generator=DRAW)
SHARE = torch.linspace(0, 1, 5)


@pytest.mark.parametrize("way", [linear, spherical])
def test_every_way_begins_and_ends_at_the_given_ones(way):
    made = way(A, B, SHARE)
    assert made.shape == (4, 5, 3, 2)
    assert torch.allclose(made[:, 0], A, atol=1e-6)
    assert torch.allclose(made[:, -1], B, atol=1e-6)


def test_the_linear_way_is_the_mean_half_way():
    assert torch.allclose(linear(A, B, SHARE)[:, 2], (A + B) / 2)


def test_the_spherical_way_turns_evenly_and_keeps_the_length():
    start, end = (torch.nn.functional.normalize(codes.flatten(1), dim=1) for codes in (A, B))
    made = spherical(start, end, SHARE).double()
    assert torch.allclose(made.norm(dim=2), torch.ones(4, 5, dtype=torch.float64), atol=1e-6)
    turns = (made[:, 1:] * made[:, :-1]).sum(2).acos()
    assert torch.allclose(turns, turns[:, :1].expand_as(turns), atol=1e-4)


@pytest.mark.parametrize("end", [[2.0, 4.0], [-1.0, -2.0], [0.0, 0.0]])
def test_codes_that_span_no_angle_are_mixed_linearly(end):
    start, end = torch.tensor([[1.0, 2.0]]), torch.tensor([end])
    assert torch.allclose(spherical(start, end, SHARE), linear(start, end, SHARE), atol=1e-6)


def test_along_many_passes_each_given_one_once():
    made = along(A, SHARE, linear)
    assert made.shape == (13, 3, 2)
    assert torch.allclose(made[::4], A)


def test_content_is_mixed_in_raw_units_and_codes_are_decoded(vae):
    found = ist.blend(vae, 3, 8, steps=3)
    given = vae.data.test.take([3, 8])
    raw = given.tensor().float()
    assert torch.allclose(found.samples["content"], torch.stack([raw[0], raw.mean(0), raw[1]]))
    codes = vae.encode(given)
    assert torch.allclose(found.samples["linear"], vae.decode(linear(codes[:1], codes[1:], SHARE[::2])[0]), atol=1e-4)
    assert found.names == ("test:3", "test:8")
    assert found.at.tolist() == [0, 0.5, 1]


def test_blends_through_the_code_are_nearer_to_the_data_than_blends_of_pixels(vae):
    labels = vae.data.test.labels
    pairs = [(i, i + 1) for i in range(0, 60, 2) if labels[i] != labels[i + 1]]
    judge = train_classifier(vae.data.train, scaling=vae.data.scaling)
    far, sure = {way: [] for way in WAYS}, {way: [] for way in WAYS}
    for pair in pairs:
        for way, row in ist.blend(vae, *pair, steps=3, judge=judge).to_json()["ways"].items():
            far[way].append(row["distance_between"])
            sure[way].append(row["confidence_between"])
    far, sure = ({way: np.mean(values) for way, values in each.items()} for each in (far, sure))
    assert max(far["linear"], far["spherical"]) < 0.95 * far["content"]
    assert min(sure["linear"], sure["spherical"]) > 0.5


def test_series_and_tables_are_blended_and_drawn(barely):
    wave = np.sin(np.linspace(0, 9, 40) + np.arange(60)[:, None]).astype(np.float32)
    rows = [wave[i, : 40 - i % 5] for i in range(60)]
    table = pd.DataFrame({"a": np.arange(60.0), "b": -np.arange(60.0), "c": np.arange(60) % 7, "d": list("uvw") * 20})
    runs = {
        "series": barely("series", ist.open_data(rows, kind="series", missing="keep"), code=2),
        "table": barely("table", ist.open_data(table, categorical="auto"), code=2),
    }
    for kind, run in runs.items():
        found = ist.blend(run, 0, 1, "train:2", steps=4)
        assert found.samples["linear"].shape == (7, *run.model.shape)
        assert np.isfinite(found.to_json()["ways"]["linear"]["distance"]).all()
        assert found.draw().get_size_inches()[1] > 3, kind


def test_a_series_that_is_blended_ends_where_both_do(barely):
    rows = [np.sin(np.arange(12.0 if i % 2 else 9.0) + i) for i in range(40)]
    run = barely("series", ist.open_data(rows, kind="series", missing="keep"), code=2)
    lengths = (~run.data.train.tensor().isnan()).sum((1, 2))
    short = (lengths == 9).nonzero()[:2, 0].tolist()
    made = ist.blend(run, *(f"train:{i}" for i in short), steps=3).samples["linear"]
    assert made[:, 0, 9:].isnan().all()
    assert made[:, 0, :9].isfinite().all()


def test_the_animation_goes_there_and_back_and_is_whole(vae, tmp_path):
    ist.blend(vae, 3, 8, steps=4).animate(tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.info["loop"], gif.info["duration"]) == (0, 700)
        frames = [np.asarray(frame.convert("L"), dtype=int) for frame in ImageSequence.Iterator(gif)]
    assert len(frames) == 6
    assert np.abs(frames[5] - frames[0]).mean() < np.abs(frames[3] - frames[0]).mean()
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def test_a_quantised_code_is_refused_with_what_to_do_instead_but_contents_are_blended(barely):
    run = barely("fsq", ist.open_data("digits"), code=8)
    with pytest.raises(UseError, match=r"quantised \(fsq\).*Blend only the contents"):
        ist.blend(run, 0, 1)
    assert list(ist.blend(run, 0, 1, ways=["content"]).samples) == ["content"]
    assert section(run) is None


def test_a_code_that_cannot_be_decoded_by_itself_is_refused(barely):
    run = barely("deep", ist.open_data("digits"), code=2, predicts="residual")
    with pytest.raises(UseError, match="its code alone can't be decoded"):
        ist.blend(run, 0, 1)
    assert section(run) is None


def test_a_model_that_is_told_labels_wants_to_know_which(barely):
    run = barely("cvae", ist.open_data("digits"), code=2)
    labels = run.data.test.labels
    other = next(i for i in range(len(labels)) if labels[i] != labels[0])
    with pytest.raises(UseError, match=r"different labels.*condition="):
        ist.blend(run, 0, other)
    as_three, as_four = (ist.blend(run, 0, other, condition=label).samples["linear"] for label in (3, "4"))
    assert not torch.allclose(as_three, as_four)
    assert section(run) is not None


def test_wrong_words_are_refused(vae):
    with pytest.raises(DataError, match="1 samples and 7 steps: expected two"):
        ist.blend(vae, 3)
    with pytest.raises(DataError, match="and 1 steps"):
        ist.blend(vae, 3, 8, steps=1)
    with pytest.raises(DataError, match="Did you mean 'spherical'"):
        ist.blend(vae, 3, 8, ways=["sperical"])


def test_without_the_training_data_blends_are_made_and_a_remark_tells_what_is_missing(vae, barely):
    run = barely("deep", ist.open_data(vae.data.test.tensor()), code=2)
    run.data = None
    digits = vae.data.test.tensor().numpy()
    with pytest.warns(Remark, match="nearest|distance"):
        found = ist.blend(run, digits[3], digits[8])
    assert found.distances == {}
    assert json.loads(json.dumps(found.to_json()))["ways"] == {way: {} for way in WAYS}


def test_the_report_shows_blends(vae):
    shown = section(vae)
    assert shown is not None
    assert "nearest" in shown.plates[0].caption


def test_contents_of_categories_are_those_of_the_nearer_sample():
    given = torch.tensor([[0.0, 2.0], [1.0, 0.0]])
    mixed = _mixed(given, torch.tensor([0.0, 0.25, 0.75, 1.0]), (0, 3))
    assert mixed.tolist() == [[0, 2], [0.25, 2], [0.75, 0], [1, 0]]


@pytest.mark.parametrize("levels", [(0, 3), ()])
def test_what_one_sample_lacks_does_not_spoil_what_the_other_has(levels):
    given = torch.tensor([[4.0, 2.0], [torch.nan, torch.nan]])
    mixed = _mixed(given, torch.tensor([0.0, 0.25, 0.75, 1.0]), levels)
    assert mixed.nan_to_num(-1).tolist() == [[4, 2], [4, 2], [-1, -1], [-1, -1]]


def test_one_way_may_be_given_by_its_name_and_a_mistyped_one_is_named():
    assert known_ways("linear") == ("linear",)
    with pytest.raises(DataError, match=r"no way 'linaer' to blend. Did you mean 'linear'"):
        known_ways("linaer")
