"""The medium of recordings: names of steps, and files of windows."""

import numpy as np
import pyarrow.csv as arrow_csv
import pytest

from isthmus.data import write_samples
from isthmus.data.media import Medium, Recording

HOUR = Recording(length=6, step=2, channels=("a", "b"), clock="dates", spacing=3600.0, time="when")


def test_a_recording_survives_json():
    assert Medium.from_json(HOUR.to_json()) == HOUR


@pytest.mark.parametrize(
    ("spacing", "zone", "shown"),
    [
        (3600.0, "", "2024-03-01 10:00"),
        (3600.0, "Europe/Vienna", "2024-03-01 11:00"),
        (3600.0, "+05:30", "2024-03-01 15:30"),
        (1.0, "", "2024-03-01 10:00:00"),
        (0.25, "", "2024-03-01 10:00:00.00"),
        (86400.0, "", "2024-03-01 10:00"),
    ],
)
def test_steps_are_named_by_their_date(spacing, zone, shown):
    medium = HOUR.model_copy(update={"spacing": spacing, "zone": zone})
    assert medium.place(1709287200.0, 7) == shown


def test_steps_without_time_stamps_are_named_by_their_number():
    assert Recording(length=4, step=1).place(0.0, 7) == "7"
    assert HOUR.length_words(3) == "3 steps (3 h)"


def test_windows_are_written_with_a_row_for_each_step(tmp_path):
    values = np.arange(24.0).reshape(2, 2, 6)
    like = {"shape": [2, 6], "kind": "series", "medium": HOUR.to_json()}
    write_samples(tmp_path / "w.csv", values, like=like, names=["x", "y"])
    table = arrow_csv.read_csv(tmp_path / "w.csv")
    assert table.column_names == ["sample", "step", "a", "b"]
    assert table["sample"].to_pylist() == ["x"] * 6 + ["y"] * 6
    assert table["b"].to_pylist() == [*range(6, 12), *range(18, 24)]
