"""Patches: cut from pictures of any size, the same ones always, and none in two parts."""

import numpy as np
import pytest
from PIL import Image

import isthmus as ist
from isthmus.data.open import reopen
from isthmus.data.patches import cut
from isthmus.data.read import read_samples
from isthmus.data.stream import stream_samples
from isthmus.errors import DataError, Remark


def numbered(height, width, start=0):
    """(H, W, 3): each pixel its row, its column, and the picture's number."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, np.full_like(rows, start)], 2).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    for number, (height, width) in enumerate([(60, 90), (90, 61), (70, 70)]):
        Image.fromarray(numbered(height, width, number)).save(tmp_path / f"{number}.png")
    return tmp_path


def pixels_of(part):
    """Which pixels of which pictures are in a part."""
    places = part.tensor().permute(0, 2, 3, 1).reshape(-1, 3).tolist()
    return set(map(tuple, places))


def test_pictures_of_different_sizes_become_patches_that_are_in_them(folder):
    data = ist.open_data(folder, patches=40, size=(8, 12))
    assert data.shape == (3, 8, 12)
    assert sum(map(len, data.parts.values())) == 120
    for part in data.parts.values():
        for patch, name in zip(part.tensor(), part.names, strict=True):
            picture, place = name.removesuffix(".png").split("@")
            row, column = map(int, place.split(","))
            expected = numbered(100, 100, int(picture))[row : row + 8, column : column + 12]
            assert np.array_equal(patch.permute(1, 2, 0).numpy(), expected)


def test_of_few_pictures_no_pixel_is_in_two_parts_and_each_part_has_some(folder):
    data = ist.open_data(folder, patches=100, size=8)
    train, validation, test = (pixels_of(part) for part in data.parts.values())
    assert validation
    assert test
    assert not train & validation
    assert not train & test
    assert not validation & test


def test_of_many_pictures_each_goes_to_one_part_as_a_whole(tmp_path):
    for number in range(10):
        Image.fromarray(numbered(30 + number, 40, number)).save(tmp_path / f"{number}.png")
    parts = ist.open_data(tmp_path, patches=30, size=8).parts.values()
    pictures = [{name.split("@")[0] for name in part.names} for part in parts]
    assert [len(names) for names in pictures] == [8, 1, 1]
    assert len(set.union(*pictures)) == 10
    assert all(len(part) == 30 * len(names) for part, names in zip(parts, pictures, strict=True))


def test_the_same_patches_every_time_and_another_split_for_another_seed(folder):
    first, again, other = (ist.open_data(folder, patches=50, size=8, seed=seed) for seed in (0, 0, 1))
    assert first.train.names == again.train.names
    assert first.test.names != other.test.names
    assert {*first.train.names, *first.validation.names, *first.test.names} == {
        *other.train.names, *other.validation.names, *other.test.names
    }  # fmt: skip
    assert reopen(first.description).train.names == first.train.names


def test_small_pictures_have_fewer_patches_and_none_twice(tmp_path):
    Image.fromarray(numbered(9, 10)).save(tmp_path / "a.png")
    with pytest.warns(Remark, match="come from only 1 place: all go to training"):
        data = ist.open_data(tmp_path, patches=500, size=8)
    assert sorted(data.train.names) == sorted(f"a@{row},{column}.png" for row in range(2) for column in range(3))


def test_patches_of_pairs_lie_at_the_same_places(folder, tmp_path):
    clean, damaged = tmp_path / "clean", tmp_path / "damaged"
    for place in (clean, damaged):
        place.mkdir()
    for number in range(3):
        picture = numbered(50 + number, 60, number)
        Image.fromarray(picture).save(clean / f"{number}.png")
        Image.fromarray(255 - picture).save(damaged / f"{number}.bmp")
    data = ist.open_data(clean, damaged=damaged, patches=30, size=8)
    assert data.train.damaged is not None
    assert np.array_equal(255 - data.train.tensor().numpy(), data.train.damaged.numpy())


def test_patches_of_pairs_of_different_sizes_are_refused(folder, tmp_path_factory):
    smaller = tmp_path_factory.mktemp("smaller")
    for number in range(3):
        Image.fromarray(numbered(30, 45, number)).save(smaller / f"{number}.png")
    with pytest.raises(DataError, match="don't give the same patches: expected pictures of the same names"):
        ist.open_data(folder, damaged=smaller, patches=10, size=8)


def test_a_stream_cuts_the_same_ones_a_few_at_a_time(folder):
    whole = read_samples(folder, patches=40, size=8)
    pieces = list(stream_samples(folder, rows=50, patches=40, size=8))
    assert len(pieces) == 3
    assert [name for piece in pieces for name in piece.names] == list(whole.names)


def test_labels_are_the_pictures_folders(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.fromarray(numbered(40, 40)).save(tmp_path / name / "a.png")
    data = ist.open_data(tmp_path, patches=40, size=8)
    assert data.label_names == ("cat", "dog")
    assert data.train.labels is not None
    for name, label in zip(data.train.names, data.train.labels, strict=True):
        assert name.startswith(data.label_names[int(label)])


def test_a_run_covers_other_pictures_by_tiles_unless_patches_are_asked_for(folder):
    data = ist.open_data(folder, patches=20, size=8)
    run = ist.fit(ist.recipe("vanilla", code=4).build(data), data, epochs=1, compile=False, progress=False)
    assert run.encode(folder, patches=20, size=8).shape == (60, 4)
    tiles = run.read(folder)
    assert run.encode(folder).shape == (len(tiles), 4)
    assert len(tiles) > 60
    assert tiles.names[1].endswith("@0,8.png")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"patches": 10}, "patches=10 needs the size of the patches: add size=32"),
        ({"patches": 0, "size": 8}, "patches=0: expected a whole number of 1 or more"),
        ({"patches": 10, "size": 65}, r"0.png has 60 x 90 pixels (height x width), less than a patch of 65 x 65"),
        ({"patchs": 10, "size": 8}, "Did you mean 'patches'"),
        ({}, "or cut 100 pieces of that size from each with patches=100"),
        ({"patches": 10, "size": 8, "max_bytes": 1000}, "or fewer patches"),
    ],
)
def test_what_can_not_be_cut_is_said(folder, options, words):
    with pytest.raises(DataError) as refused:
        ist.open_data(folder, **options)
    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_patches_are_of_picture_files():
    with pytest.raises(DataError, match="patches=3 is for picture files"):
        ist.open_data(np.zeros((5, 8, 8), np.uint8), patches=3, size=8)


@pytest.mark.parametrize("shape", [(64, 64), (40, 300), (300, 40), (16, 16)], ids=str)
@pytest.mark.parametrize("pictures", [1, 3, 9, 10])
def test_patches_stay_in_their_regions(shape, pictures):
    """Of two regions, no pixel is in both."""
    at = np.arange(shape[0] * shape[1]).reshape(1, *shape)
    seen = {}
    for patch, _, region in cut(at, "a.png", 200, (8, 8), pictures):
        seen.setdefault(region, set()).update(patch.ravel().tolist())
    assert pictures < 10 or len(seen) == 1
    assert len(set.union(*seen.values())) == sum(map(len, seen.values()))
