"""The tools: nothing is lost where nothing may be, sheets come apart again, budgets are kept."""

import numpy as np
import pytest

from benchmarks.compression import layouts, pictures, streams


def drawn(shape, seed=0):
    """Smooth pictures with a little noise, uint8."""
    generator = np.random.default_rng(seed)
    ramp = np.linspace(0, 200, shape[-1] if shape[-1] != 3 else shape[-2])
    ramp = ramp if shape[-1] != 3 else ramp[:, None]
    return (ramp + generator.integers(0, 40, shape)).astype(np.uint8)


@pytest.mark.parametrize("shape", [(28, 28), (40, 52, 3)])
def test_lossless_formats_lose_nothing(shape):
    picture = drawn(shape)
    for form in pictures.lossless_formats():
        assert np.array_equal(pictures.decode(form.encode(picture), picture), picture), form.name


def test_lossy_formats_are_better_at_a_higher_quality_and_have_fewer_bytes_than_their_files():
    picture = drawn((64, 64, 3))
    for form in pictures.lossy_formats():
        files = [form.encode(picture, quality) for quality in (form.qualities[0], form.qualities[-1])]
        errors = [np.square(pictures.decode(file, picture).astype(float) - picture).mean() for file in files]
        assert errors[1] < errors[0], form.name
        assert len(files[0]) < len(files[1]), form.name
        assert all(0 < pictures.payload(file) < len(file) for file in files), form.name


def test_bisection_finds_the_largest_file_within_the_budget():
    picture = drawn((64, 64, 3))
    form = pictures.lossy_formats()[0]
    found = pictures.largest_within(form, picture, 1500)
    assert found is not None
    quality, file = found
    assert len(file) <= 1500 < len(form.encode(picture, quality + 1))
    assert pictures.largest_within(form, picture, 10) is None


@pytest.mark.parametrize("shape", [(7, 4, 6), (5, 4, 6, 3)])
def test_a_sheet_holds_all_pictures_and_comes_apart_again(shape):
    samples = drawn(shape)
    board = layouts.sheet(samples)
    assert board.shape == (12 if shape[0] == 7 else 8, 18, *shape[3:])
    assert np.array_equal(board[:4, 6:12], samples[1])
    assert np.array_equal(layouts.apart(board, len(samples), samples.shape[1:]), samples)


def test_streams_come_back_as_they_were():
    raw = drawn((30, 20)).tobytes()
    for stream in streams.STREAMS:
        assert stream.unpack(stream.pack(raw), len(raw)) == raw, stream.name


@pytest.mark.parametrize(("low", "high", "kind"), [(0, 16, "uint8"), (-335, 317, "int16"), (0, 40_000, "uint16")])
def test_whole_numbers_get_the_smallest_type_that_holds_them(low, high, kind):
    values = np.array([[low, high]], dtype=float)
    assert streams.smallest(values).dtype == kind
    assert np.array_equal(streams.smallest(values), values)


def test_other_numbers_are_refused():
    with pytest.raises(ValueError, match="not whole"):
        streams.smallest(np.array([[0.5, 1]]))
    assert not streams.is_whole(np.array([[np.nan]]))
