"""How the command speaks."""

import json

from isthmus.cli.console import complain, figures, number, say_json, say_table


def test_an_error_is_one_line(capsys):
    complain("one\n two")
    assert capsys.readouterr() == ("", "isthmus: one two\n")


def test_json_has_no_words_that_json_does_not_know(capsys):
    say_json({"a": float("nan"), "b": [float("inf"), 1.5], "ä": None})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "ä": None}


def test_a_piped_table_loses_nothing_of_a_wide_cell(capsys):
    say_table(("name", "value"), [("x", "y" * 200), ("[bold]", "[/]")])
    out = capsys.readouterr().out
    assert "y" * 200 in out
    assert "[bold]" in out


def test_figures_leave_out_what_is_not_there():
    head, rows = figures({"mse": {"model": 0.012346, "mean": None}})
    assert head == ["", "model", "mean"]
    assert rows == [["mse", "0.01235", "–"]]


def test_numbers_have_four_digits():
    assert [number(value) for value in (5.123456, 1e-7, 12345.6, None, float("nan"))] == [
        "5.123",
        "1.000×10⁻⁷",
        "12,346",
        "–",
        "–",
    ]
