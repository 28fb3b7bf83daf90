from typing import Any

import numpy as np
import pytest
import torch

from isthmus.data.options import Options
from isthmus.data.raw import Raw, settle
from isthmus.errors import DataError, Remark


def shape_of(shape, dtype: Any = np.uint8, **options):
    resolve = settle(Raw(np.zeros(shape, dtype)), Options(**options))
    return resolve.values.shape[1:], resolve.kind


def test_two_axes_are_a_table():
    assert shape_of((5, 7)) == ((7,), "table")


def test_grey_pictures_get_a_channel_axis():
    assert shape_of((5, 28, 20)) == ((1, 28, 20), "pictures")


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_channels_of_bytes_are_moved_first(channels):
    assert shape_of((5, 28, 20, channels)) == ((channels, 28, 20), "pictures")


def test_channels_of_floats_are_moved_first_where_plainly_last():
    assert shape_of((5, 28, 28, 3), np.float32) == ((3, 28, 28), "pictures")


def test_feature_maps_are_not_taken_for_pictures_with_channels_last():
    assert shape_of((5, 8, 4, 4), np.float32) == ((8, 4, 4), "pictures")


def test_channels_first_stay():
    assert shape_of((5, 3, 32, 32)) == ((3, 32, 32), "pictures")


def test_open_question_of_channels_is_answered_with_a_remark():
    with pytest.warns(Remark, match="channels='first'"):
        assert shape_of((5, 4, 4, 3))[0] == (3, 4, 4)
    assert shape_of((5, 4, 4, 3), channels="first")[0] == (4, 4, 3)


def test_moved_pixels_are_the_same_pixels():
    values = np.random.default_rng(0).integers(0, 256, (2, 9, 8, 3), dtype=np.uint8)
    moved = settle(Raw(values), Options()).values
    assert (moved[1, 2, 5, 6], moved[0, 0, 8, 7]) == (values[1, 5, 6, 2], values[0, 8, 7, 0])


def test_kind_can_be_forced():
    assert shape_of((5, 28, 20), kind="table") == ((560,), "table")
    assert shape_of((5, 140), np.float32, kind="series") == ((1, 140), "series")
    assert shape_of((5, 140, 2), np.float32, kind="series") == ((2, 140), "series")
    assert shape_of((5, 2, 140), np.float32, kind="series") == ((2, 140), "series")
    assert shape_of((5, 2, 140), np.float32, kind="series", channels="last") == ((140, 2), "series")


@pytest.mark.parametrize("shape", [(), (5,), (2, 3, 4, 5, 6)])
def test_other_numbers_of_axes_are_refused(shape):
    with pytest.raises(DataError, match="expected"):
        shape_of(shape)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0)])
def test_arrays_without_values_are_refused(shape):
    with pytest.raises(DataError, match="no values"):
        shape_of(shape)


def test_values_that_are_no_numbers_are_refused():
    for dtype in (np.complex64, "U3", object, "M8[s]"):
        with pytest.raises(DataError, match="not numbers"):
            shape_of((3, 3), dtype)
    with pytest.raises(DataError, match="real"):
        settle(Raw(torch.zeros(3, 3, dtype=torch.complex64)), Options())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("bands", [2, 5, 13, 16])
def test_bands_of_satellites_are_moved_first(bands, dtype):
    assert shape_of((4, 64, 64, bands), dtype) == ((bands, 64, 64), "pictures")
    assert shape_of((4, 64, 48, bands), dtype) == ((bands, 64, 48), "pictures")
    assert shape_of((4, bands, 64, 64), dtype) == ((bands, 64, 64), "pictures")


def test_bands_of_tensors_are_moved_first():
    values = torch.rand(4, 64, 64, 13)
    assert torch.equal(torch.as_tensor(settle(Raw(values), Options()).values), values.movedim(3, 1))


@pytest.mark.parametrize(("shape", "found"), [((8, 8, 5), "last"), ((20, 22, 15), "last"), ((64, 20, 10), "first")])
def test_bands_that_may_be_a_side_are_remarked_on(shape, found):
    other = "first" if found == "last" else "last"
    moved = (shape[2], *shape[:2])
    with pytest.warns(Remark, match=f"read with channels {found}.*set channels='{other}'"):
        assert shape_of((5, *shape), np.float32)[0] == (moved if found == "last" else shape)
    assert shape_of((5, *shape), np.float32, channels=other)[0] == (shape if found == "last" else moved)


@pytest.mark.parametrize("shape", [(512, 7, 7), (64, 8, 8), (256, 14, 14), (2, 64, 12), (1, 80, 10)])
def test_feature_maps_and_spectrograms_have_their_channels_first(shape):
    assert shape_of((5, *shape), np.float32)[0] == shape


def test_a_photograph_as_an_array_is_one_picture():
    with pytest.warns(Remark, match=r"one picture of 224 x 200 with 3 channels.*set kind='pictures'"):
        assert shape_of((224, 200, 3)) == ((3, 224, 200), "pictures")
    assert shape_of((224, 200, 3), kind="pictures") == ((1, 200, 3), "pictures")
    assert shape_of((224, 200, 3), np.float32, channels="last") == ((3, 224, 200), "pictures")


def test_other_arrays_that_may_be_a_photograph_are_remarked_on():
    with pytest.warns(Remark, match=r"224 grey pictures of 200 x 3.*channels='last'"):
        assert shape_of((224, 200, 3), np.float32) == ((1, 200, 3), "pictures")
    with pytest.warns(Remark, match=r"3 grey pictures of 224 x 224.*x\[None\]"):
        assert shape_of((3, 224, 224), np.float32) == ((1, 224, 224), "pictures")
    assert shape_of((3, 224, 224), np.float32, kind="pictures") == ((1, 224, 224), "pictures")


def test_three_new_grey_pictures_for_a_model_of_such_are_certain():
    settled = settle(Raw(np.zeros((3, 64, 64), np.uint8)), Options(), exact=(1, 64, 64))
    assert settled.values.shape == (3, 1, 64, 64)


def test_one_picture_of_a_satellite_is_remarked_on():
    with pytest.warns(Remark, match=r"64 grey pictures of 64 x 13.*13 channels, set channels='last'"):
        assert shape_of((64, 64, 13), np.float32) == ((1, 64, 13), "pictures")
    assert shape_of((64, 64, 13), np.float32, channels="last") == ((13, 64, 64), "pictures")
