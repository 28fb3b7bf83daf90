import json
from dataclasses import fields

import pytest

from isthmus.data import Options
from isthmus.data.options import OptionWords, as_wanted
from isthmus.errors import DataError


def test_keywords_and_options_are_the_same():
    assert set(OptionWords.__annotations__) | {"wanted", "wanted_depth"} == {field.name for field in fields(Options)}


def test_unknown_option_offers_the_nearest():
    with pytest.raises(DataError, match="'exclude'"):
        Options.of({"excluding": "a"})


@pytest.mark.parametrize(
    "words",
    [{"kind": "picture"}, {"mode": "grey"}, {"missing": "skip"}, {"size": (3,)}, {"size": 0}, {"delimiter": ";;"}],
)
def test_impossible_values_are_refused(words):
    with pytest.raises(DataError):
        Options.of(words)


def test_pictures_are_read_as_a_model_wants_them_by_size_and_mode():
    assert as_wanted([(3, 9, 9), (1, 8, 8)], (1, 8, 8)) == "size=(8, 8) and mode='L'"
    assert as_wanted([(1, 8, 8), (3, 8, 8)], (3, 8, 8)) == "mode='RGB'"
    assert as_wanted([(1, 8, 8)], (1, 8, 8)) == ""


def test_names_may_be_written_with_commas():
    assert Options(exclude="a, b").exclude == ("a", "b")  # type: ignore[arg-type]


def test_options_come_back_from_json():
    options = Options.of({"size": 28, "mode": "L", "columns": "a,b", "max_pixels": 5})
    assert Options.of(json.loads(json.dumps(options.to_json()))) == options


def test_defaults_are_not_written_down():
    assert Options().to_json() == {}
