"""The facts at the end of the report."""

from isthmus.model.blueprint import Blueprint
from isthmus.parts import Dense, Plain
from isthmus.report import facts


def test_nested_facts_become_rows_without_what_is_empty():
    rows = facts.flat({"split": {"seed": 0, "own": []}, "learning_rate": 1e-3, "compile": False, "clip": None})
    assert rows == [("split seed", "0"), ("learning rate", "0.001"), ("compile", "no")]


def test_python_lines_repeat_the_blueprint_the_data_and_the_settings():
    model = Blueprint(network=Dense(), code=Plain(size=3)).build((5,))
    description = {
        "source": "/x/y.csv",
        "split": {"seed": 3, "validation": 0.2, "test": 0.1},
        "options": {"label": "c"},
    }
    text = facts.repeat_in_python(model, description, {"epochs": 4})
    compile(text, "repeat", "exec")
    assert "open_data('/x/y.csv', validation=0.2, test=0.1, seed=3, label='c')" in text
    assert text.endswith("data, epochs=4)")


def test_data_from_memory_cannot_be_repeated_in_python():
    model = Blueprint(network=Dense(), code=Plain(size=3)).build((5,))
    assert facts.repeat_in_python(model, {"source": None}, {}) == ""
