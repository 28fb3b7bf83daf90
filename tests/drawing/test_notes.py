"""Notes in figures and on the map's page: as piano rolls."""

import numpy as np
import pytest
import torch

from isthmus.data.media import Melody, Roll
from isthmus.data.media.notes import SILENT
from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.drawing.animation import animation
from isthmus.drawing.look import Look
from isthmus.drawing.maps import thumbnails
from isthmus.drawing.rows import sample_rows
from isthmus.uses.map_page import write_page

MELODY = Melody(bars=1)
TUNE = torch.from_numpy(MELODY.encode(np.array([[0, 4, 60], [4, 4, 60], [8, 8, 64]])))[None]
OTHER = torch.from_numpy(MELODY.encode(np.array([[0, 16, 62]])))[None]
LOOK = Look("tokens", Scaling("none"), medium=MELODY)


def test_a_picture_of_notes_is_black_where_they_start_and_grey_where_they_go_on():
    picture = MELODY.pictures(TUNE)
    assert picture.shape == (1, 1, 7, 16)
    middle_c = picture[0, 0, -2]
    assert middle_c[[0, 4]].tolist() == [0, 0]
    assert 0 < float(middle_c[1]) < SILENT
    assert middle_c[8:].tolist() == pytest.approx([SILENT] * 8)


def test_samples_of_one_figure_have_the_same_pitches():
    pictures, bounds = LOOK.pictures({"first": TUNE, "second": OTHER})
    assert pictures["first"].shape == pictures["second"].shape == (1, 1, 7, 16)
    assert bounds == (0, 1)


def test_melodies_and_rolls_look_alike():
    roll = Roll(bars=1, low=60, high=64)
    values = torch.from_numpy(roll.encode(MELODY.decode(TUNE[0])))[None]
    assert torch.equal(roll.pictures(values), MELODY.pictures(TUNE))


def test_silence_is_a_picture_too():
    assert float(MELODY.pictures(torch.full((1, 16), 2)).min()) == pytest.approx(SILENT)


def test_notes_are_drawn_in_rows_and_move():
    figure = sample_rows({"code": torch.cat((TUNE, OTHER))}, LOOK)
    assert figure.axes[0].images
    assert len(animation({"code": torch.cat((TUNE, OTHER))}, LOOK)) == 2


def test_the_maps_page_shows_and_plays_notes(tmp_path):
    samples = Samples(torch.cat((TUNE, OTHER)), kind="tokens", medium=MELODY)
    assert thumbnails(samples, LOOK).shape[0] == 2
    path = write_page(
        tmp_path / "map.html",
        torch.tensor([[0.0, 0], [1, 1]]),
        samples,
        torch.arange(2),
        LOOK,
        source="tunes",
        axes=("one", "two"),
        words="Good.",
    )
    page = path.read_text()
    assert '"notes":[[[0.0,0.5,60],[0.5,0.5,60],[1.0,1.0,64]],[[0.0,2.0,62]]]' in page
    assert "https://" not in page
