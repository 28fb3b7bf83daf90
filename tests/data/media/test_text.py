"""Text as tokens: characters or pieces, and the way back."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.data.media import Medium, Text
from isthmus.data.media.text import REPLACEMENT, pieces_of
from isthmus.errors import DataError

CATS = Text.learn(["a cat", "the cat sat"], "characters", 0)
texts = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20), min_size=1)


@given(texts)
@settings(max_examples=50)
def test_what_characters_encode_they_decode(given_texts):
    if any(given_texts):
        medium = Text.learn(given_texts, "characters", 0)
        assert medium.decode(medium.encode(given_texts)) == given_texts


@given(texts)
@settings(max_examples=25)
def test_pieces_spell_any_text_even_one_they_never_saw(given_texts):
    medium = Text.learn(["a cat sat on the mat"] * 3, "pieces", 270)
    longest = 4 * max(map(len, given_texts)) + 1
    assert medium.decode(medium.encode(given_texts, longest)) == given_texts


def test_tokens_are_numbered_from_two_with_an_end_after_each_text():
    rows = CATS.encode(["cat", "a cat sat"], 12)
    assert rows.dtype == np.uint8
    assert rows[0, 3:].tolist() == [0] * 9
    assert rows.min() == 0
    assert rows[rows > 0].min() == 2


def test_an_unknown_character_is_shown_as_unknown_and_counted():
    assert CATS.decode(CATS.encode(["cot"])) == [f"c{REPLACEMENT}t"]
    assert CATS.unknown(["cot", "zoo"]) == {"o": 3, "z": 1}


def test_a_longer_text_is_cut_at_the_length():
    assert CATS.decode(CATS.encode(["the cat sat"], 4)) == ["the "]


def test_pieces_are_fewer_than_characters_and_need_a_vocabulary_of_all_bytes():
    sentence = "the cat sat on the mat"
    medium = Text.learn([sentence] * 5, "pieces", 290)
    assert len(medium.symbols_of(torch.from_numpy(medium.encode([sentence])))[0]) < len(sentence) / 2
    with pytest.raises(DataError, match="at least 259"):
        Text.learn([sentence], "pieces", 100)


@pytest.mark.parametrize("medium", [CATS, Text.learn(["a cat"] * 3, "pieces", 262)], ids=["characters", "pieces"])
def test_a_medium_comes_back_from_json(medium):
    assert Medium.from_json(medium.to_json()) == medium


@pytest.mark.parametrize("said", [None, {}, {"kind": "smell"}, {"kind": "text"}, {"kind": "text", "symbols": 3}])
def test_what_is_no_medium_is_refused_in_one_line(said):
    with pytest.raises(DataError, match="does not describe a medium"):
        Medium.from_json(said)


def test_distances_of_points_count_the_places_that_differ():
    rows = torch.tensor([[2, 3, 4, 0], [2, 4, 3, 0]])
    points = CATS.points(rows)
    assert float((points[0] - points[1]).square().sum()) == pytest.approx(2)


def test_texts_that_are_all_empty_teach_nothing():
    with pytest.raises(DataError, match="all empty"):
        Text.learn(["", ""], "characters", 0)


@given(st.text("ab ", min_size=1, max_size=200), st.integers(1, 40))
def test_pieces_of_a_long_text_are_short_and_keep_all_letters(text, most):
    pieces = pieces_of(text, most)
    assert all(0 < len(piece) <= most for piece in pieces)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")


def test_text_files_and_json_lines_hold_a_text_a_line(tmp_path):
    rows = CATS.encode(["a cat", "the\ncat"])
    CATS.write(tmp_path / "x.txt", rows, [])
    assert (tmp_path / "x.txt").read_text().splitlines()[0] == "a cat"
    CATS.write(tmp_path / "x.jsonl", rows, ["one", "two"])
    assert (tmp_path / "x.jsonl").read_text().startswith('{"name": "one", "text": "a cat"}')
