"""Free text becomes a purpose and a kind of data."""

import pytest

from isthmus.errors import UseError
from isthmus.guidance import KINDS, PURPOSES
from isthmus.guidance.words import meant


@pytest.mark.parametrize(
    ("text", "purpose", "kind"),
    [
        ("anomalies in a table", "anomalies", "table"),
        ("Find outliers!", "anomalies", None),
        ("anomoly detection in time series", "anomalies", "series"),
        ("detect fraud in transactions", "anomalies", None),
        ("generate new melodies", "draw", "melody"),
        ("synthetic tabular data", "draw", "table"),
        ("new sentences", "draw", "text"),
        ("fill gaps in my csv", "fill", "mixed"),
        ("missing values", "fill", None),
        ("remove noise from recordings", "denoise", "sound"),
        ("repair typing errors", "denoise", "text"),
        ("upscale photographs", "upscale", "photographs"),
        ("colorize old photos", "recolour", "photographs"),
        ("remove watermarks", "watermark", None),
        ("interpret a network's activations", "dictionary", "activations"),
        ("missing links in a graph", "links", "graph"),
        ("teach students", "learn", None),
        ("a map in 2-D", "map", None),
        ("search similar images", "search", "pictures"),
        ("features for few labels", "features", None),
        ("clusters in a table", "groups", "table"),
        ("dimensionality reduction", "reduce", None),
        ("compress photos", "compress", "photographs"),
    ],
)
def test_a_text_names_a_purpose_and_a_kind_of_data(text, purpose, kind):
    found = meant(text)
    assert (found.purpose.name, found.kind and found.kind.name) == (purpose, kind)
    assert not found.others


def test_every_purpose_is_found_by_its_name_and_its_title():
    for name, purpose in PURPOSES.items():
        assert meant(name).purpose is purpose
        assert meant(purpose.title).purpose is purpose


def test_every_kind_of_data_is_found_by_its_words_in_a_purpose_that_has_it():
    for purpose in PURPOSES.values():
        for name in purpose.ways:
            for word in KINDS[name].words[:1]:
                found = meant(f"{purpose.name} {word}")
                assert found.purpose is purpose or purpose in found.others
                assert found.kind is None or found.kind.name in (name, *KINDS[name].near)


def test_of_several_purposes_the_others_are_named():
    found = meant("understand")
    assert {found.purpose.name, *(one.name for one in found.others)} == {"disentangle", "interpret", "learn"}


def test_an_unknown_purpose_lists_all():
    with pytest.raises(UseError, match="No purpose is named by 'xyzzy'") as raised:
        meant("xyzzy")
    assert all(name in str(raised.value) for name in PURPOSES)


def test_a_kind_of_data_without_a_recipe_is_refused():
    with pytest.raises(UseError, match="no recipe to enlarge pictures for texts"):
        meant("upscale texts")
