"""Results show themselves: one line, a short text, and HTML with a picture."""

import dataclasses
import importlib
import json
import typing
import warnings

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.errors import DataError
from isthmus.shown import Card, Page, Shown, ShownList, Table, brief, png_of

PACKAGES = ("isthmus", "isthmus.measures", "isthmus.doctor", "isthmus.experiments", "isthmus.data", "isthmus.training")


@pytest.fixture(scope="module")
def data():
    return ist.open_data(ist.open_data("digits").train[:300])


@pytest.fixture(scope="module")
def run(data):
    return ist.fit(ist.recipe("deep", code=4).build(data), data, epochs=2, progress=False)


@pytest.fixture(scope="module")
def table():
    values = np.random.default_rng(0).normal(size=(200, 4))
    data = ist.open_data({name: values[:, place] for place, name in enumerate("abcd")})
    return ist.fit(ist.recipe("table", code=2).build(data), data, epochs=1, progress=False)


def check(shown, *, picture):
    """One line; a text that fits a screen; HTML with a picture, if there is something to see, and without tensors."""
    line, text, page = repr(shown), str(shown), shown._repr_html_()
    assert len(line) < 2000
    assert len(text.splitlines()) <= 60
    assert max(map(len, text.splitlines())) <= 200
    assert "tensor(" not in line + text + page
    assert page.count("<div") == page.count("</div>")
    assert ("data:image/png" in page) == picture, type(shown)


RESULTS = {
    "data": (lambda run: run.data, True),
    "samples": (lambda run: run.data.train[:3], True),
    "run": (lambda run: run, True),
    "blueprint": (lambda run: run.model.blueprint, False),
    "summary": (lambda run: run.model.summary(), False),
    "evaluate": (lambda run: run.evaluate(), False),
    "evaluation": (lambda run: run.evaluation(), True),
    "choices": (lambda run: run.choices(), False),
    "map": (lambda run: ist.map_codes(run, way="pca", most=50, across=3), True),
    "blend": (lambda run: ist.blend(run, "test:0", "test:1", steps=3), True),
    "traverse": (lambda run: ist.traverse(run, most=2, steps=3), True),
    "detect": (lambda run: ist.detect(run, run.data.test), True),
    "sample": (lambda run: ist.sample(run, 4, way="gaussian"), True),
    "detector": (ist.detector, False),
    "pca": (lambda run: run.baseline(), False),
    "recipes": (lambda run: ist.recipes()["deep"], False),
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_on_pictures_shows_itself(name, run):
    make, picture = RESULTS[name]
    check(make(run), picture=picture)


@pytest.mark.parametrize("name", ["data", "run", "evaluation", "map", "traverse", "detect", "sample"])
def test_a_result_on_a_table_shows_itself(name, table):
    make, picture = RESULTS[name]
    check(make(table), picture=picture)


def test_explanations_and_drift_show_themselves(table):
    rows = table.data.test.tensor().clone()
    rows[0, 1] = 40
    frame = {name: rows[:, place].numpy() for place, name in enumerate("abcd")}
    found = ist.explain(table, frame)
    check(found, picture=False)
    check(found[0], picture=False)
    assert "b" in found[0]._repr_html_()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(ist.drift(table, frame), picture=True)
    check(ist.inspect(frame), picture=True)


def test_findings_show_their_commands_and_pictures(run):
    found = ist.diagnose(run)
    assert found  # two epochs are too few
    check(found, picture=True)
    check(found[0], picture=found[0].picture is not None)
    assert "<code>" in found._repr_html_() or not found[0].command
    assert isinstance(found, list)
    assert type(found)() == []


def test_measures_are_a_dictionary_that_prints_as_a_table(run):
    found = run.evaluate()
    assert found["test"]["mse"]["model"] > 0
    assert json.loads(json.dumps(found)) == found == run.evaluation().to_json()
    assert len(repr(found).splitlines()) <= len(found["test"]) + 2
    assert repr(type(found)()) == "{}"


def test_every_public_result_with_arrays_shows_itself():
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            kind = getattr(module, name)
            if isinstance(kind, type) and dataclasses.is_dataclass(kind):
                fields = {str(field.type) for field in dataclasses.fields(kind)}
                if any("Tensor" in each or "ndarray" in each for each in fields):
                    assert issubclass(kind, Shown), kind


@dataclasses.dataclass(repr=False)
class Fields(Shown):
    values: torch.Tensor
    many: list[typing.Any]
    name: str = "<b>&"


def test_without_a_card_the_fields_are_shown_and_arrays_by_their_shape():
    shown = Fields(torch.zeros(300, 2), list(range(1000)))
    assert repr(shown) == "<Fields: values float32 (300, 2), many 1,000 items, name <b>&>"
    assert "&lt;b&gt;&amp;" in shown._repr_html_()
    assert "<b>&" not in shown._repr_html_()


class Rows(ShownList[int]):
    def _card(self):
        return Card("rows", tables=[Table.of(("number", "words"), [(f"{i}", "long " * 40) for i in self])])


def test_long_tables_are_cut_and_wide_ones_wrapped():
    text = str(Rows(range(50)))
    assert "… and 30 more" in text
    assert max(map(len, text.splitlines())) <= 110


def test_a_picture_that_can_not_be_drawn_is_left_out():
    class Lost(Shown):
        def _card(self):
            return Card("lost", figures=(self.draw,))

        def draw(self):
            raise DataError("The data are gone.")

    assert "lost" in Lost()._repr_html_()


def test_values_are_brief():
    given = (1234, 0.5, None, True, np.zeros(3), {"a": 1}, torch.nn.Linear(2, 2), "x" * 200)
    assert [brief(one) for one in given[:7]] == ["1,234", "0.5000", "none", "yes", "float64 (3)", "a 1", "Linear"]
    assert len(brief(given[7])) == 80


def test_figures_show_themselves_and_leave_matplotlib_alone(run):
    import matplotlib as mpl

    before = mpl.get_backend(), dict(mpl.rcParams)
    figure: typing.Any = run.plot()
    content, size = figure._repr_png_()
    assert content.startswith(b"\x89PNG")
    assert size["width"] == 540
    assert (mpl.get_backend(), dict(mpl.rcParams)) == before


def test_a_page_shows_itself_and_its_folder_does_not(run, tmp_path):
    page = run.report(tmp_path / "report.html")
    assert page == tmp_path / "report.html"
    assert page._repr_html_().startswith("<iframe srcdoc=")
    assert "&lt;h1&gt;" in page._repr_html_()
    assert Page(tmp_path)._repr_html_() is None
    assert Page(tmp_path / "none.html")._repr_html_() is None


@pytest.mark.parametrize("kind", ["pictures", "table", "series", "tokens"])
def test_samples_and_reconstructions_of_every_kind_are_drawn(kind, run, table):
    if kind in ("pictures", "table"):
        made = {"pictures": run, "table": table}[kind]
    elif kind == "series":
        data = ist.open_data(np.random.default_rng(0).normal(size=(60, 1, 16)), kind="series")
        made = ist.fit(ist.recipe("series", code=2).build(data), data, epochs=1, progress=False)
    else:
        data = ist.open_data(["one small text", "another text", "words", "more words"] * 20, kind="text")
        made = ist.fit(ist.recipe("text-vae", code=2).build(data), data, epochs=1, progress=False)
    parts = made.open()
    for figure in (parts.draw(4), parts.test.draw(), made.draw(most=3), made.draw(parts.test, most=2)):
        assert png_of(figure)


def test_restorations_are_drawn(data):
    made = ist.fit(ist.recipe("denoise").build(data), data, epochs=1, progress=False)
    check(ist.restoration(made, most=4), picture=True)
    assert png_of(made.draw(most=3))
