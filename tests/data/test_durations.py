"""Durations in words and seconds."""

import pytest

from isthmus.data import open_data
from isthmus.data.durations import checked_length, duration_words, seconds_of
from isthmus.data.options import Options
from isthmus.errors import DataError


@pytest.mark.parametrize(("written", "seconds"), [("1h", 3600), ("30 min", 1800), ("2.5s", 2.5), ("1 day", 86400)])
def test_durations_are_read(written, seconds):
    assert seconds_of(written) == seconds


@pytest.mark.parametrize("seconds", [0.25, 1, 90, 3600, 86400 * 3])
def test_words_are_read_back(seconds):
    assert seconds_of(duration_words(seconds)) == pytest.approx(seconds)


def test_numbers_as_text_are_numbers_and_other_text_is_refused():
    assert checked_length("window", "16") == 16.0
    for wrong in ("soon", -1, 0, True, "nan", "0s"):
        with pytest.raises(DataError, match=r"window=.*expected a number above 0, or a duration"):
            checked_length("window", wrong)


def test_a_duration_is_refused_for_text(tmp_path):
    (tmp_path / "a.txt").write_text("some words\nand more of them\n" * 10)
    with pytest.raises(DataError, match="window='1h' is a duration: expected a number of characters"):
        open_data(tmp_path / "a.txt", kind="text", window="1h")
    assert Options(window="30min").length("window", "seconds") == 1800
