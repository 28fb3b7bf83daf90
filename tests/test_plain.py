"""Plain text: what would steer a terminal is written out."""

import json
import os

import pytest

from isthmus.errors import DataError
from isthmus.plain import plain, utf8
from isthmus.storage.files import json_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m\x7f\r", "\\x9b31m\\x7f\\x0d"),
        ("\u202egnp.exe\u2066\u2028", "\\u202egnp.exe\\u2066\\u2028"),
        (os.fsdecode(b"caf\xe9"), "caf\\xe9"),
        ("\ud83d", "\\ud83d"),
        ("Käse, 猫, 🦆, שלום\n\tand lines", "Käse, 猫, 🦆, שלום\n\tand lines"),
    ],
)
def test_orders_are_written_out_and_letters_stay(text, shown):
    assert plain(text) == shown
    plain(text).encode()


def test_one_line_stays_one():
    assert plain("a\n\tb", line=True) == "a\\x0a\\x09b"


def test_only_what_cannot_be_encoded_is_changed_for_files():
    assert utf8("\x1b\udcff") == "\x1b\\xff"


def test_json_keeps_every_name():
    name = "\x1b[0m\u202e\udcff"
    text = json_text({"name": name})
    assert text.isascii()
    assert json.loads(text)["name"] == name


def test_messages_are_plain():
    assert str(DataError("There is no \x1b[31mred.csv.")) == "There is no \\x1b[31mred.csv."
