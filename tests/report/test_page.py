"""The page: it stands by itself, and is written for every kind of data and run."""

import itertools
import re
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from isthmus.data.data import Data
from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.doctor import diagnose
from isthmus.errors import IsthmusError, Remark
from isthmus.model.autoencoder import Autoencoder
from isthmus.report import write_report
from isthmus.run import Run
from isthmus.training import Settings


class Checker(HTMLParser):
    """Collects what the page refers to, its alternative texts, and checks that tags are closed."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.images: list[str | None] = []
        self.open: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag not in ("meta", "img", "source", "br", "link"):
            self.open.append(tag)
        given = dict(attrs)
        self.links += [value for name in ("src", "srcset", "href") if (value := given.get(name))]
        if tag == "img":
            self.images.append(given.get("alt"))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def checked(path: Path) -> tuple[str, Checker]:
    text = path.read_text(encoding="utf-8")
    checker = Checker()
    checker.feed(text)
    assert not checker.open
    assert all(link.startswith("data:image/png;base64,") for link in checker.links)
    assert all(checker.images)
    assert "script" not in checker.tags
    words = re.sub(r"base64,[^\"]*", "", text)
    said = re.sub(r"<pre>.*?</pre>", "", words, flags=re.DOTALL)
    assert not re.search(r"\b(nan|inf|None)\b", said)
    return words, checker


def doctors_pictures(run: Run) -> int:
    """How many figures the doctor adds; these models are not trained, so it has something to say."""
    return sum(finding.picture is not None for finding in diagnose(run))


def run_on(values: torch.Tensor, kind: Any, *, code: int = 3, labels: int = 0, sizes=(40, 0, 12), **options) -> Run:
    count, shape = len(values), tuple(values.shape[1:])
    marks = torch.arange(count) % labels if labels else None
    names = tuple(f"<class {i}>" for i in range(labels))
    samples = Samples(values, labels=marks, label_names=names, kind=kind, **options)
    ends = np.cumsum((0, *sizes))
    parts = [samples.take(range(*pair)) for pair in itertools.pairwise(ends)]
    scaling = Scaling.learn("auto", parts[0])
    width = int(np.prod(shape))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = nn.Sequential(nn.Flatten(), nn.Linear(width, code))
        decoder = nn.Sequential(nn.Linear(code, width), nn.Unflatten(1, shape))
    description = {"source": "/data/<set>.csv", "kind": kind, "shape": list(shape), "split": {"seed": 4}, "options": {}}
    data = Data(*parts, scaling=scaling, description=description)
    return Run(
        Autoencoder(encoder, decoder, shape=shape, scaling=scaling),
        Settings(epochs=3),
        data=data,
        description=description,
        environment={"torch": "2", "command": "isthmus train digits"},
    )


def pictures(*shape: int, count: int = 52) -> torch.Tensor:
    return torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def numbers(*shape: int, count: int = 52) -> torch.Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(0))


@pytest.fixture(name="undrawn")
def figures_undrawn(monkeypatch):
    """Figures are made but not drawn, for tests that look at the page alone."""
    monkeypatch.setattr("isthmus.drawing.plates.drawn", lambda draw, theme: (draw(theme) and "picture", 600))


@pytest.fixture(autouse=True)
def no_uses(request, monkeypatch):
    """The page alone, but for tests that ask for what the uses show."""
    if "uses" not in request.fixturenames:
        monkeypatch.setattr("isthmus.report.page.SECTIONS", ())


@pytest.fixture
def uses():
    """Marks a test whose page has every use's section too."""


def test_page_of_pictures_has_all_its_parts(tmp_path):
    run = run_on(pictures(1, 8, 8), "pictures", labels=4)
    run.history = [{"epoch": i, "loss": 3 / i, "validation_loss": 4 / i} for i in (1, 2, 3)]
    words, checker = checked(write_report(run, tmp_path / "report.html"))
    for expected in ("squared error on the test part", "with as many dimensions (3)", "Structural similarity",
                     "<h2>Reconstructions</h2>", "Best.", "Worst.", "Loss.", "Errors.",
                     "prefers-color-scheme", "encoder.1", "isthmus train digits", "split seed"):  # fmt: skip
        assert expected in words
    assert len(checker.images) == 5 + doctors_pictures(run)


def test_page_of_a_table_has_columns_and_worst_rows_in_raw_units(tmp_path):
    values = numbers(4) * 10 + 500
    run = run_on(values, "table", columns=("a", "b", "<c>", "$d"))
    words, checker = checked(write_report(run, tmp_path / "report.html"))
    assert "Reconstruction by column" in words
    assert "The worst samples" in words
    assert "&lt;c&gt;:" in words
    worst = int(run.evaluation().errors["test"]["model"].argmax())
    row = run.open().test.tensor()[worst]
    assert f"a: {row[0]:.0f} → " in words
    assert len(checker.images) == 2 + doctors_pictures(run)


def test_page_of_series_is_written(tmp_path):
    words, _ = checked(write_report(run_on(numbers(2, 30), "series", labels=2), tmp_path / "report.html"))
    assert "6 samples of the test part" in words


@pytest.mark.parametrize(("values", "code", "labels"), [
    (pictures(3, 7, 5), 1, 0), (pictures(4, 6, 6), 2, 15), (numbers(2, 5, 5), 40, 3), (pictures(1, 1, 1), 2, 0)
])  # fmt: skip
def test_page_of_unusual_pictures_is_written(tmp_path, values, code, labels):
    checked(write_report(run_on(values, "pictures", code=code, labels=labels), tmp_path / "report.html"))


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("kind", ["pictures", "table", "series"])
def test_page_of_one_sample_in_all_is_written(tmp_path, kind):
    values = {"pictures": pictures(1, 6, 6, count=1), "table": numbers(6, count=1), "series": numbers(1, 6, count=1)}[
        kind
    ]
    with pytest.warns() if kind == "table" else pytest.MonkeyPatch.context():
        run = run_on(values, kind, sizes=(1, 0, 0))
    words, _ = checked(write_report(run, tmp_path / "report.html"))
    assert "train part" in words


def test_page_of_a_diverged_model_is_written(tmp_path):
    run = run_on(pictures(1, 6, 6), "pictures", labels=2)
    with torch.no_grad():
        for parameter in run.model.parameters():
            parameter.fill_(float("nan"))
    words, _ = checked(write_report(run, tmp_path / "report.html"))
    assert "not finite" in words


@pytest.mark.usefixtures("undrawn")
def test_names_from_the_data_cannot_become_markup(tmp_path):
    words, _ = checked(write_report(run_on(pictures(1, 6, 6), "pictures", labels=2), tmp_path / "report.html"))
    assert "<set>" not in words
    assert "&lt;set&gt;.csv" in words


def test_same_run_gives_the_same_page(tmp_path):
    run = run_on(numbers(4), "table", labels=2)
    first, second = (write_report(run, tmp_path / name).read_bytes() for name in ("a.html", "b.html"))
    assert first == second


@pytest.mark.usefixtures("undrawn")
def test_modes_of_the_model_are_as_before(tmp_path):
    run = run_on(pictures(1, 6, 6), "pictures")
    run.model.train()
    write_report(run, tmp_path / "report.html")
    assert run.model.training


@pytest.mark.usefixtures("undrawn")
def test_missing_folder_is_told_in_one_line_and_leaves_nothing(tmp_path):
    with pytest.raises(IsthmusError, match="Could not write"):
        write_report(run_on(pictures(1, 6, 6), "pictures"), tmp_path / "none" / "report.html")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("undrawn", "uses")
@pytest.mark.parametrize(("values", "kind", "words"), [
    (pictures(3, 7, 5), "pictures", {"code": 1, "labels": 4}), (pictures(1, 4, 4), "pictures", {"code": 40}),
    (numbers(2, 30), "series", {"code": 2}), (numbers(4), "table", {"labels": 2}),
    (pictures(1, 6, 6, count=2), "pictures", {"sizes": (1, 0, 1)}), (numbers(6, count=1), "table", {"sizes": (1, 0, 0)})
])  # fmt: skip
def test_every_use_shows_something_of_every_kind_of_data_or_nothing_twice_alike(tmp_path, values, kind, words):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Remark)  # of data that are all alike
        run = run_on(values, kind, **words)
    first, second = (write_report(run, tmp_path / name) for name in ("a.html", "b.html"))
    checked(first)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.usefixtures("undrawn", "uses")
def test_no_use_stumbles_over_a_diverged_model(tmp_path):
    run = run_on(pictures(1, 6, 6), "pictures", labels=2)
    with torch.no_grad():
        for parameter in run.model.parameters():
            parameter.fill_(float("nan"))
    checked(write_report(run, tmp_path / "report.html"))
