"""The list of formats."""

from importlib.util import find_spec

import numpy as np
import pytest

import isthmus as ist
from isthmus.data import read_samples, write_samples
from isthmus.data.readers.known import BY_SUFFIX, FORMATS, function
from isthmus.errors import IsthmusError
from isthmus.extras import MissingPackageError


def test_every_suffix_belongs_to_one_format():
    assert len(BY_SUFFIX) == sum(len(each.suffixes) for each in FORMATS)


@pytest.mark.parametrize("format", FORMATS, ids=lambda each: each.name)
def test_every_reader_and_its_extra_exist(format):
    assert callable(function(format.reader))
    if format.pieces:
        assert callable(function(format.pieces))
    rows = [row for row in ist.formats() if row.name == format.name]
    assert [row.installed for row in rows] == [all(find_spec(module) for module in format.modules)]


def test_every_table_that_is_written_is_read(tmp_path):
    for row in ist.formats():
        for suffix in row.writes:
            if "table" in row.becomes:
                path = write_samples(tmp_path / f"x{suffix}", np.arange(12.0).reshape(4, 3))
                assert read_samples(path).tensor().sum() == 66


def test_a_missing_package_is_named_with_its_extra(monkeypatch, tmp_path):
    def missing(name, *_):
        raise ImportError(name)

    monkeypatch.setattr("importlib.import_module", missing)
    from isthmus.data.readers.spreadsheets import read_spreadsheet

    with pytest.raises(IsthmusError, match=r"needs python_calamine.*pip install 'isthmus\[excel\]'") as caught:
        read_spreadsheet(tmp_path / "x.xlsx", None)  # pyright: ignore[reportArgumentType]  # unused until then
    assert isinstance(caught.value, MissingPackageError)
