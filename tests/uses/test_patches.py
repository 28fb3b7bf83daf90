"""A model of patches and whole pictures: covered by tiles, put together again, and judged place by place."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import isthmus as ist
from isthmus.data.samples import Samples
from isthmus.data.tiles import places_of
from isthmus.drawing.theme import LIGHT
from isthmus.errors import DataError, UseError
from isthmus.uses.detect import draw_places

SIDE = 8


def picture(height, width, seed=0):
    """Smooth colours, which principal components of patches hold well."""
    generator = np.random.default_rng(seed)
    rows, columns = np.linspace(0, 3, height)[:, None], np.linspace(0, 3, width)[None]
    waves = [np.sin(rows * generator.uniform(0.5, 2) + columns * generator.uniform(0.5, 2) + c) for c in range(3)]
    return (127 + 100 * np.stack(waves, 2)).astype(np.uint8)


@pytest.fixture(name="run", scope="module")
def run_of_patches(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number in range(4):
        Image.fromarray(picture(40, 56, number)).save(folder / f"p{number}.png")
    data = ist.open_data(folder, patches=80, size=(SIDE, SIDE))
    return ist.fit(ist.recipe("pca", code=6).build(data), data, progress=False, out=folder.parent / "run")


@pytest.fixture(name="photos", scope="module")
def folder_of_photos(tmp_path_factory):
    """Two pictures of different sizes; the second has noise in one place."""
    folder = tmp_path_factory.mktemp("new")
    Image.fromarray(picture(30, 45, 7)).save(folder / "plain.png")
    odd = picture(33, 50, 8)
    odd[16:24, 24:32] = np.random.default_rng(0).integers(0, 256, (8, 8, 3))
    Image.fromarray(odd).save(folder / "odd.png")
    return folder


def test_encode_gives_a_code_for_each_tile_and_the_same_as_the_tile_alone(run, photos):
    read = run.read(photos / "plain.png")
    assert len(read) == len(places_of((30, 45), (SIDE, SIDE)))
    assert read.names[1] == "plain@0,8.png"
    codes = run.encode(photos / "plain.png")
    array = torch.from_numpy(picture(30, 45, 7)).movedim(-1, 0)
    alone = run.encode(Samples(array[None, :, 8:16, 8:16], kind="pictures"))
    assert torch.allclose(codes[read.names.index("plain@8,8.png")], alone[0], atol=1e-4)
    assert len(run.encode(photos)) == len(read) + len(places_of((33, 50), (SIDE, SIDE)))


def test_a_whole_picture_comes_back_in_its_own_size_from_file_array_or_pillow(run, photos):
    made = run.reconstruct(photos / "plain.png")
    array = picture(30, 45, 7)
    assert made.shape == (1, 3, 30, 45)
    off = made[0].movedim(0, -1).numpy() - array
    assert np.abs(off).mean() < 6
    for given in (array, array[None], np.moveaxis(array, 2, 0), Image.fromarray(array)):
        assert torch.equal(run.reconstruct(given), made)


def test_pictures_of_several_sizes_are_streamed_and_refused_as_one_array(run, photos):
    with pytest.raises(DataError, match=r"2 different sizes.*run\.pictures"):
        run.reconstruct(photos)
    sizes = {piece.names[0]: made.shape for piece, made in run.pictures(photos).through(run.reconstruct)}
    assert sizes == {"odd.png": (1, 3, 33, 50), "plain.png": (1, 3, 30, 45)}


def test_random_patches_are_still_cut_where_they_are_asked_for(run, photos):
    assert len(run.encode(photos, patches=5, size=(SIDE, SIDE))) == 10


def test_pictures_of_other_colours_are_refused_with_the_mode_to_read_them_in(run, tmp_path):
    Image.fromarray(picture(30, 45)[..., 0]).save(tmp_path / "grey.png")
    for use in (run.encode, run.reconstruct):
        with pytest.raises(DataError, match="mode='RGB'"):
            use(tmp_path / "grey.png")
    assert run.reconstruct(tmp_path / "grey.png", mode="RGB").shape == (1, 3, 30, 45)


def test_detect_names_the_place_and_maps_the_picture(run, photos):
    found = ist.detect(run, photos)
    assert found.tile == (SIDE, SIDE)
    assert found.most_anomalous[0].name == "odd@16,24.png"
    assert found.to_json()["tile"] == [SIDE, SIDE]
    first = found.pictures[0]
    assert (first.name, first.scores.shape) == ("odd.png", (33, 50))
    assert first.worst[0][:2] == (16, 24)
    row, column = divmod(int(first.scores.argmax()), 50)
    assert 14 <= row < 26
    assert 22 <= column < 34
    assert float(first.scores[:8].max()) < found.most_anomalous[0].score / 5
    assert draw_places(found, run.model.scaling, LIGHT).axes
    with pytest.raises(UseError, match="draw_most_anomalous"):
        draw_places(ist.detect(run, run.open().test), run.model.scaling)


def size_of(path):
    with Image.open(path) as image:
        return image.size


def test_on_the_command_line_too(run, photos, tmp_path):
    from typer.testing import CliRunner

    from isthmus.cli.main import app

    def isthmus(*words):
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == 0, result.output
        return result.stdout

    isthmus("reconstruct", run.folder, photos, tmp_path / "made")
    assert size_of(tmp_path / "made" / "odd.png") == (50, 33)
    isthmus("reconstruct", run.folder, photos / "plain.png", tmp_path / "plain.png")
    assert size_of(tmp_path / "plain.png") == (45, 30)
    isthmus("encode", run.folder, photos, tmp_path / "codes.csv")
    assert "odd@16,24.png" in (tmp_path / "codes.csv").read_text()
    found = json.loads(isthmus("detect", run.folder, photos, "--picture", tmp_path / "map.png", "--json"))
    assert found["most_anomalous"][0]["name"] == "odd@16,24.png"
    assert size_of(tmp_path / "map.png")[0] > 300
    said = isthmus("detect", run.folder, photos)
    assert "tiles of 8 × 8 pixels" in said
