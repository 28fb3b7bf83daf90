"""What appears in a notebook, with a pretended kernel: the bar, the live curve, and lines of text."""

import sys
from types import SimpleNamespace

import pytest

import isthmus as ist
from isthmus.notebook import in_notebook
from isthmus.training import ProgressBar


class Screen:
    """The outputs of a cell: the forms of each place, in order, as a front end without widgets keeps them."""

    def __init__(self):
        self.places = []

    def display(self, what, display_id):
        assert display_id
        place = [what._repr_html_() if hasattr(what, "_repr_html_") and what._repr_html_() else type(what).__name__]
        self.places.append(place)
        return SimpleNamespace(update=lambda new: place.append(getattr(new, "_repr_html_", lambda: None)() or "figure"))


@pytest.fixture
def screen(monkeypatch):
    found = Screen()
    shell = SimpleNamespace(kernel=object())
    ipython = SimpleNamespace(
        version_info=(9, 0), get_ipython=lambda: shell, display=SimpleNamespace(display=found.display)
    )
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    return found


def trained(**options):
    data = ist.open_data(ist.open_data("digits").train[:200])
    return ist.fit(ist.recipe("vanilla", code=4).build(data), data, epochs=3, **options)


def test_the_bar_of_a_notebook_leaves_its_last_line(screen, monkeypatch):
    monkeypatch.setattr("isthmus.training.bars.STEP", 0.0)
    trained()
    (bar,) = screen.places
    assert "<progress" in bar[0]
    assert "left" in "".join(bar)
    assert "<progress" not in bar[-1]
    for word in ("epoch 3/3", "loss 0.", "validation 0.", "in all"):
        assert word in bar[-1]


def test_each_training_has_a_bar_of_its_own(screen):
    trained(callbacks=[ProgressBar()], progress=False)
    trained()
    assert len(screen.places) == 2


def test_lines_of_text_are_no_faults_in_a_notebook(screen, capsys):
    data = ist.open_data(ist.open_data("digits").train[:100])
    ist.fit(ist.recipe("pca", code=2).build(data), data)
    from isthmus.notebook import say

    say("Chosen.\x1b[31m")
    assert capsys.readouterr() == ("Chosen.\\x1b[31m\n", "")


def test_the_live_curve_is_drawn_and_stays(screen):
    trained(callbacks=[ist.LossCurve(seconds=0)], progress=False)
    (place,) = screen.places
    assert len(place) == 4  # after each of three epochs, and at the end


def test_the_live_curve_says_where_it_can_not_be_seen(capsys):
    assert not in_notebook()
    trained(callbacks=[ist.LossCurve()], progress=False)
    assert "in notebooks only" in capsys.readouterr().err
