"""Every use on a model of text: what it does with tokens, in words."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import isthmus as ist
from isthmus.cli.main import app
from isthmus.data.media.medium import medium_of
from isthmus.doctor.diagnosis import diagnose
from isthmus.errors import DataError, UseError
from isthmus.uses.blend import blend
from isthmus.uses.detect import detect
from isthmus.uses.map import map_codes
from isthmus.uses.sample import sample
from isthmus.uses.traverse import traverse
from vocabularies import SENTENCES

HOW = {"epochs": 30, "batch_size": 16, "learning_rate": 1e-2, "progress": False}


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    """A run of a small text-vae on short sentences, saved."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "texts.txt").write_text("\n".join(SENTENCES * 4))
    data = ist.open_data(folder / "texts.txt", kind="text")
    recipe = ist.recipe("text-vae", code=4, widths=[32], embedding=8, word_dropout=0.5, free_bits=0.3)
    return ist.fit(recipe.build(data), data, out=folder / "run", **HOW)


@pytest.fixture(scope="module")
def repairer(tmp_path_factory):
    data = ist.open_data(SENTENCES * 4)
    recipe = ist.recipe("text-denoising", width=16, depth=1, heads=2)
    return ist.fit(recipe.build(data, remarks=False), data, out=tmp_path_factory.mktemp("repair") / "run", **HOW)


def words(run, values):
    medium = medium_of(run.description)
    assert medium is not None
    return medium.words(values)


def alphabetical(texts):
    return all(set(text) <= set("".join(SENTENCES)) for text in texts)


def test_a_text_becomes_a_code_and_a_text_again(texts):
    codes = texts.encode(["a cat sees bread"])
    assert codes.shape == (1, 4)
    assert alphabetical(words(texts, texts.decode(codes)))
    assert torch.equal(texts.decode(codes), texts.reconstruct(["a cat sees bread"]))


def test_it_is_measured_in_nats_beside_n_grams(texts):
    found = texts.evaluation()
    row = found.measures["test"]
    assert (found.rival, found.of_tokens) == ("n-gram", True)
    assert row["nats"]["model"] < row["nats"]["unigram"]
    assert set(row) == {"nats", "nats_with_code", "wrong", "wrong_from_code", "exact"}
    again = ist.load(texts.folder).evaluation()
    assert again.measures == found.measures


def test_new_texts_are_drawn_the_most_likely_or_by_chance(texts):
    likely, again = (sample(texts, 5, seed=3).values for _ in range(2))
    assert torch.equal(likely, again)
    drawn, other = (sample(texts, 20, seed=3, temperature=t).values for t in (1.0, 2.0))
    assert not torch.equal(drawn, other)
    assert alphabetical(words(texts, likely))


def test_a_temperature_is_for_tokens_and_not_negative(texts, table):
    with pytest.raises(UseError, match="makes no tokens"):
        sample(table[0], 2, temperature=1.0)
    with pytest.raises(DataError, match="at least 0"):
        sample(texts, 2, temperature=-1.0)
    with pytest.raises(DataError, match="needs a temperature"):
        sample(texts, 2, top_p=0.5)


def test_a_blend_goes_from_one_text_to_the_other(texts):
    found = blend(texts, "test:0", "test:1", steps=5)
    ends = words(texts, texts.open().test.take([0, 1]).tensor())
    content = words(texts, found.samples["content"])
    assert (content[0], content[-1]) == tuple(ends)
    assert found.samples["linear"].shape == (5, *texts.model.shape)
    assert set(found.distances) == {"content", "linear", "spherical"}


def test_dimensions_change_texts(texts):
    move = traverse(texts, "test:0").moves[0]
    assert "→" in move.effect.words
    assert move.effect.figures["low"] == words(texts, move.samples[:1])[0]


def test_a_map_names_its_points_by_their_texts(texts, tmp_path):
    found = map_codes(texts, way="pca", part="train")
    page = found.write_page(tmp_path / "map.html").read_text()
    assert words(texts, found.samples.tensor()[:1])[0] in page
    assert found.plane is None


def test_a_text_in_disorder_costs_more_nats_a_token(texts):
    found = detect(texts, [*SENTENCES[:5], "bread a it the"])
    assert found.most_anomalous[0].sample == 5
    assert texts.model.distance.unit == "nats"


def test_a_repairer_repairs_what_is_in_the_file(repairer, tmp_path):
    (tmp_path / "in.txt").write_text("a cta sees bread\nthe dog hars it\n")
    result = CliRunner().invoke(
        app, ["restore", str(repairer.folder), str(tmp_path / "in.txt"), str(tmp_path / "out.txt"), "--quiet"]
    )
    assert result.exit_code == 0, result.output
    assert len((tmp_path / "out.txt").read_text().splitlines()) == 2


def test_a_model_without_a_corruption_repairs_nothing(texts, tmp_path):
    (tmp_path / "in.txt").write_text("a cat\n")
    result = CliRunner().invoke(app, ["restore", str(texts.folder), str(tmp_path / "in.txt"), str(tmp_path / "o.txt")])
    assert result.exit_code == 1
    assert "text-denoising" in result.output
    assert not (tmp_path / "o.txt").exists()


def test_the_doctor_finds_a_decoder_that_ignores_its_code(texts):
    assert "code ignored" not in {finding.name for finding in diagnose(texts)}
    deaf = ist.load(texts.folder)
    with torch.no_grad():
        for name, weight in deaf.model.decoder.named_parameters():
            if "first" in name:
                weight.zero_()
            if name.endswith("layers.0.given.weight"):
                weight[:, 8:].zero_()  # what the code is multiplied by
    found = {finding.name: finding for finding in diagnose(deaf)}
    assert found["code ignored"].number == pytest.approx(1)
    assert "word_dropout=0.5" in found["code ignored"].command


def test_the_report_shows_texts_with_their_differences(texts):
    page = texts.report().read_text()
    assert "<del>" in page
    assert "n-gram" in page
    assert "nats a token" in page


@pytest.mark.parametrize(
    "words_given",
    [
        ["sample", "RUN", "--count", "2", "--temperature", "0.8", "--top-p", "0.9"],
        ["blend", "RUN", "test:0", "test:1"],
        ["traverse", "RUN"],
        ["detect", "RUN", "SOURCE"],
        ["encode", "RUN", "SOURCE", "OUT.csv"],
        ["reconstruct", "RUN", "SOURCE", "OUT.jsonl"],
        ["evaluate", "RUN", "SOURCE"],
    ],
    ids=lambda given: given[0],
)
def test_commands_take_text(words_given, texts, tmp_path):
    source = tmp_path / "new.txt"
    source.write_text("\n".join(SENTENCES[:4]))
    places = {"RUN": str(texts.folder), "SOURCE": str(source)}
    given = [str(places.get(word, word.replace("OUT", str(tmp_path / "out")))) for word in words_given]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    if given[0] == "reconstruct":
        lines = (tmp_path / "out.jsonl").read_text().splitlines()
        assert [set(json.loads(line)) for line in lines] == [{"text"}] * 4


def test_a_picture_given_to_a_model_of_text_is_refused(texts, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 8, 8), np.uint8))
    result = CliRunner().invoke(app, ["encode", str(texts.folder), str(tmp_path / "x.npy"), str(tmp_path / "o.csv")])
    assert result.exit_code == 1
    assert "Traceback" not in result.output
