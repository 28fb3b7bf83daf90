"""Text that stands for numbers, dates and durations."""

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.data.schema import texts


def numbers(*cells: str) -> list:
    found = pa.array(cells)
    return texts.as_numbers(found, texts.number_form(found)[0]).to_pylist()


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("1.234,5", "7"), [1234.5, 7]),
        (("1,234,567.5", "-2"), [1_234_567.5, -2]),
        (("1,5", "2,25"), [1.5, 2.25]),
        (("$ 1,234.50", "-$3"), [1234.5, -3]),
        (("5 %", "7.5%"), [5, 7.5]),
        (("1 234,5 €", "1 €"), [1234.5, 1]),
        (("1e5", "-3.5E-2"), [1e5, -0.035]),
        (("−5", "+3"), [-5, 3]),
        (("1'234.5", ".5"), [1234.5, 0.5]),
        (("12-34", "1"), [None, 1]),
        (("e", "."), [None, None]),
    ],
)
def test_numbers_are_read_in_the_form_of_their_column(cells, expected):
    assert numbers(*cells) == expected


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=20), st.sampled_from(["{:,.2f}", "{:.2f}", "{:,}"]))
def test_numbers_with_separators_come_back(values, shape):
    found = pa.array([shape.format(value) for value in values])
    assert texts.as_numbers(found, texts.POINT).to_pylist() == values
    swapped = pa.array([text.translate(str.maketrans(",.", ".,")) for text in found.to_pylist()])
    assert texts.as_numbers(swapped, texts.COMMA).to_pylist() == values


def test_a_comma_before_three_digits_alone_is_doubtful():
    assert texts.number_form(pa.array(["1,234", "5,678"])) == (texts.POINT, 1.0, True)
    assert texts.number_form(pa.array(["1,234", "5,67"])) == (texts.COMMA, 1.0, False)


@pytest.mark.parametrize("form", [*texts.DATES, *texts.TIMES])
def test_dates_of_every_format_are_recognised(form):
    days = [dt.datetime(2021, 1, 13, 4, 5) + number * dt.timedelta(days=17, hours=5) for number in range(40)]
    cells = pa.array([day.strftime(form) for day in days])
    found, share, doubtful = texts.date_form(cells)
    assert share == 1.0
    assert not doubtful
    assert texts.as_dates(cells, found).equals(texts.as_dates(cells, form))


def test_days_and_months_that_could_be_exchanged_are_doubtful():
    assert texts.date_form(pa.array(["1/2/2021", "3/4/2021"])) == ("%m/%d/%Y", 1.0, True)
    assert texts.date_form(pa.array(["1/2/2021", "13/4/2021"])) == ("%d/%m/%Y", 1.0, False)
    assert texts.exchanged("%m/%d/%Y %H:%M") == "%d/%m/%Y %H:%M"


@pytest.mark.parametrize(
    "cells", [["2021", "2022"], ["1.5", "2"], ["a", "b"], ["10.1.2.3", "10.1.2.4"], ["12-34-5", "1"]]
)
def test_what_are_no_dates_are_none(cells):
    assert texts.date_form(pa.array(cells))[1] < 1


def test_iso_dates_with_fractions_and_zones_are_utc():
    cells = pa.array(["2021-01-02T10:00:00.25Z", "2021-01-02T10:00:00+01:00"])
    form, share, _ = texts.date_form(cells)
    assert (form, share) == (texts.ISO, 1.0)
    assert np.diff(texts.seconds_of(texts.as_dates(cells, form))).tolist() == [-3600.25]


@given(st.timedeltas(dt.timedelta(days=-1000), dt.timedelta(days=1000)))
def test_durations_of_python_and_pandas_come_back(span):
    whole = span - dt.timedelta(microseconds=span.microseconds)
    written = pa.array([f"{whole.days} days {dt.datetime.min + dt.timedelta(seconds=whole.seconds):%H:%M:%S}"])
    seconds = texts.seconds_of(texts.as_dates(written, texts.SPAN))
    expected = abs(whole.days) * 86400 + whole.seconds if whole.days >= 0 else -(-whole.days * 86400 + whole.seconds)
    assert seconds.tolist() == [expected]


def test_seconds_of_dates_times_and_durations():
    moment = dt.datetime(2021, 3, 4, 5, 6, 7)
    assert (
        texts.seconds_of(pa.array([moment, None], pa.timestamp("ns")))[0] == moment.replace(tzinfo=dt.UTC).timestamp()
    )
    assert np.isnan(texts.seconds_of(pa.array([moment, None], pa.timestamp("s")))[1])
    assert texts.seconds_of(pa.array([dt.date(1970, 1, 3)])).tolist() == [2 * 86400]
    assert texts.seconds_of(pa.array([dt.time(1, 2, 3)], pa.time32("s"))).tolist() == [3723]
    assert texts.seconds_of(pa.array([90_000], pa.duration("ms"))).tolist() == [90]
