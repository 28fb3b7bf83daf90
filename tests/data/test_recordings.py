"""One long series as windows: what is cut, how long, where the parts lie, and the way back."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.data import open_data, read_samples, reopen
from isthmus.data.media import Recording
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.recordings import Joiner, Recordings, _usual_step
from isthmus.errors import DataError, Remark

GENERATOR = np.random.default_rng(0)
SENSORS = GENERATOR.normal([20, 1013], [2, 5], (3000, 2))


def table(rows=600, **columns):
    made = {"when": pd.date_range("2024-03-01", periods=rows, freq="min"), "warm": np.arange(rows) * 0.1}
    return pd.DataFrame(made | {"wet": np.cos(np.arange(rows) / 7)} | columns)


def steps_of(samples):
    assert samples.groups is not None
    assert samples.spans is not None
    return {
        (group, step)
        for group, (first, last) in zip(samples.groups.tolist(), samples.spans.tolist(), strict=True)
        for step in range(first, last)
    }


def test_an_array_of_few_columns_is_one_recording():
    with pytest.warns(Remark, match=r"1 recording of 3,000 steps and 2 channels.*window= and step="):
        data = open_data(SENSORS, kind="series")
    assert data.shape == (2, 60)
    assert isinstance(data.medium, Recording)
    assert np.allclose(data.scaling.shift[:, 0], [20, 1013], atol=0.5)
    assert np.allclose(data.scaling.scale[:, 0], [2, 5], atol=0.5)


def test_an_array_of_many_columns_is_a_series_a_row():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = open_data(GENERATOR.normal(size=(500, 140)), kind="series")
    assert (data.shape, data.medium) == ((1, 140), None)


def test_columns_of_different_units_are_channels():
    units = [20.0, 1013, 0.5, 3e4, 7, 250, -40, 1, 9, 600]
    with pytest.warns(Remark, match=r"1 recording of 3,000 steps and 10 channels.*give an array \(N, 1, T\)"):
        data = open_data(GENERATOR.normal(units, 1, (3000, 10)), kind="series")
    assert data.shape == (10, 60)
    beats = np.sin(np.arange(40) / 5) * 10 + GENERATOR.normal(size=(500, 40))
    assert open_data(beats, kind="series").shape == (1, 40)


def test_rows_that_follow_each_other_are_remarked_on():
    with pytest.warns(Remark, match="Consecutive rows are alike.*set window="):
        open_data(GENERATOR.normal(size=(500, 20)).cumsum(0), kind="series")


@pytest.mark.parametrize("kind", ["series", None])
@pytest.mark.parametrize("rows", [SENSORS[:, 0], SENSORS, np.tile(SENSORS, 20), torch.from_numpy(SENSORS)])
def test_a_window_always_means_one_recording(rows, kind):
    data = open_data(rows, kind=kind, window=50, step=25)
    assert data.shape == (1 if rows.ndim == 1 else rows.shape[1], 50)
    assert np.allclose(data.train.tensor()[1], np.atleast_2d(rows.T)[:, 25:75].astype(np.float32))


def test_a_window_is_a_period_if_there_is_one():
    wave = np.sin(2 * np.pi * np.arange(2000) / 48)
    with pytest.warns(Remark, match="windows of 48 steps, the period of its values; a new one begins after 11 steps"):
        assert open_data(wave, kind="series").shape == (1, 48)


@given(st.integers(20, 90), st.integers(2, 20), st.integers(1, 25), st.integers(1, 3))
@settings(deadline=None, max_examples=40)
def test_cutting_and_joining_is_the_identity(rows, length, step, channels):
    values = GENERATOR.normal(size=(rows, channels))
    found = Recordings.of(Raw(values), Options(kind="series", window=length, step=step), "it")
    places = found.places(min(step, length))
    joiner = Joiner(found, channels)
    joiner.add(places, found.values(places))
    assert np.allclose(joiner.rows(), values)


def test_windows_of_time_stamps_are_named_and_cut_by_duration():
    data = open_data(table(), kind="series", window="1h", step="30min")
    medium = data.medium
    assert isinstance(medium, Recording)
    assert (medium.length, medium.step, medium.spacing, medium.time) == (60, 30, 60.0, "when")
    assert medium.channels == ("warm", "wet")
    assert data.train.names[:2] == ("recording@2024-03-01 00:00", "recording@2024-03-01 00:30")


def test_a_duration_needs_dates():
    with pytest.raises(DataError, match=r"window='1h' is a duration, but the ndarray has no dates.*time="):
        open_data(SENSORS, kind="series", window="1h")


def test_no_window_crosses_a_gap():
    given = table().drop(index=range(200, 260))
    with pytest.warns(Remark, match="no window crosses its 1 longer gap"):
        samples = open_data(given, kind="series", window=20, step=5, validation=0, test=0).train
    assert np.allclose(samples.tensor()[:, 0].diff(dim=-1), 0.1, atol=1e-4)
    assert samples.spans is not None
    assert not any(first < 260 and last > 200 for first, last in samples.spans.tolist())


def test_the_test_part_is_the_end_and_no_step_is_in_two_parts():
    data = open_data(table(), kind="series", window=20, step=5, seed=1)
    parts = [steps_of(part) for part in data.parts.values()]
    assert all(parts)
    assert not (parts[0] & parts[1])
    assert not (parts[1] & parts[2])
    assert not (parts[0] & parts[2])
    assert max(parts[0]) < min(parts[1]) < max(parts[1]) < min(parts[2])
    assert data.description["split"]["by"] == "time"
    assert data.description["split"]["left_out"] > 0


def test_a_split_by_time_is_reopened(tmp_path):
    table().to_csv(tmp_path / "a.csv", index=False)
    data = open_data(tmp_path / "a.csv", kind="series", window=20)
    again = reopen(data.description)
    assert again.description == data.description
    assert again.test.names == data.test.names


@pytest.mark.parametrize("time", ["when", None])
def test_whole_groups_go_to_one_part(time):
    given = pd.concat([table(100, device=name) for name in "abcdef"])
    given = given if time else given.drop(columns="when")
    data = open_data(given, kind="series", groups="device", window=20, validation=0.2, test=0.2)
    assert data.description["split"]["by"] == "group"
    devices = [{name.split("@")[0] for name in part.names} for part in data.parts.values()]
    assert sum(map(len, devices)) == len(set.union(*devices)) == 6
    assert data.description["medium"]["channels"] == ["warm", "wet"]


def test_groups_of_a_table_go_to_one_part_and_are_not_learnt():
    patients = np.repeat(np.arange(40), 5)
    given = pd.DataFrame({"patient": patients, "a": patients * 1.0, "b": GENERATOR.normal(size=200)})
    for data in (open_data(given, groups="patient"), open_data(given.drop(columns="patient"), groups=patients)):
        assert data.columns == ("a", "b")
        parts = [set(part.tensor()[:, 0].tolist()) for part in data.parts.values()]
        assert sum(map(len, parts)) == len(set.union(*parts)) == 40


def test_groups_of_rows_that_are_dropped_are_dropped():
    given = pd.DataFrame({"patient": np.repeat(np.arange(20), 5), "a": GENERATOR.normal(size=100), "b": 1.0})
    given.loc[::7, "a"] = np.nan
    with pytest.warns(Remark):
        data = open_data(given, groups="patient", missing="drop")
    assert len(data) == 85


def test_groups_of_another_length_are_refused():
    with pytest.raises(DataError, match=r"groups= has the shape \(3,\), but the ndarray has 3000 rows"):
        open_data(SENSORS, groups=[1, 2, 3])


def test_a_long_table_gets_a_column_for_each_variable():
    given = pd.concat([table(100, device=name) for name in "abc"])
    long = given.melt(id_vars=["device", "when"], var_name="variable")
    with pytest.warns(Remark, match="'variable' names the 2 channels"):
        data = open_data(long, kind="series", groups="device", window=20, scaling="none")
    wide = open_data(given, kind="series", groups="device", window=20, scaling="none")
    assert data.medium is not None
    assert data.medium.to_json()["channels"] == ["warm", "wet"]
    assert np.allclose(data.train.tensor(), wide.train.tensor())


def test_recordings_in_a_list_and_by_name_are_cut_each():
    recordings = [GENERATOR.normal(size=(length, 3)) for length in (100, 150, 200)]
    data = open_data(recordings, kind="series", window=20, step=10)
    assert data.shape == (3, 20)
    assert len(steps_of(data.train)) + len(steps_of(data.validation)) + len(steps_of(data.test)) <= 450
    named = open_data(dict(zip("abc", recordings, strict=True)), kind="series", window=20)
    assert {name.split("@")[0] for name in named.train.names} == set("abc")


def test_data_frames_in_a_list_and_by_name_are_recordings():
    for frames in ([table(100), table(150)], {"a": table(100), "b": table(150)}):
        data = open_data(frames, kind="series", window=20)
        assert data.medium is not None
        assert data.medium.to_json()["channels"] == ["warm", "wet"]
        assert data.train.names[0].split("@")[0] == ("a" if isinstance(frames, dict) else "recording 0")


def test_columns_in_a_mapping_are_one_recording():
    columns = {name: np.asarray(table(200)[name]) for name in ("when", "warm", "wet")}
    data = open_data(columns, kind="series", window=20)
    assert (data.shape, data.train.names[0]) == ((2, 20), "recording@2024-03-01 00:00")


def test_a_few_long_series_are_recordings():
    with pytest.warns(Remark, match="is read as 2 recordings of 4,700 steps in all"):
        data = open_data([GENERATOR.normal(size=2500), GENERATOR.normal(size=2200)], kind="series")
    assert data.shape == (1, 94)
    assert data.description["split"]["by"] == "time"


def test_files_of_a_folder_are_recordings(tmp_path):
    for number in range(10):
        table(100).to_csv(tmp_path / f"{number}.csv", index=False)
    data = open_data(tmp_path, kind="series", window=20)
    assert data.description["split"]["by"] == "group"
    assert data.train.names[0].endswith(".csv@2024-03-01 00:00")
    (tmp_path / "0.csv").write_text("when,other\n2024-03-01 00:00,1\n")
    with pytest.raises(DataError, match=r"has other columns than 0.csv"):
        open_data(tmp_path, kind="series", window=20)


def test_new_recordings_of_a_model_are_cut_as_its_own_and_end_with_a_window():
    data = open_data(table(), kind="series", window=20, step=8)
    new = table(51)[["wet", "when", "warm"]]
    samples = read_samples(new, like=data.description)
    assert (samples.shape, samples.spans is not None) == ((2, 20), True)
    assert samples.names == tuple(f"recording@2024-03-01 00:{minute:02}" for minute in (0, 8, 16, 24, 31))
    assert np.allclose(samples.tensor()[-1, 0], np.asarray(new["warm"])[31:], atol=1e-5)
    with pytest.raises(DataError, match="lacks the column 'wet': expected the 2 channels"):
        read_samples(new.drop(columns="wet"), like=data.description)
    with pytest.raises(DataError, match=r"longest stretch.*10 steps.*the model takes windows of 20 steps \(20 min\)"):
        read_samples(new.head(10), like=data.description)


def test_windows_for_a_model_of_recordings_stay_windows():
    data = open_data(SENSORS, kind="series", window=50)
    windows = data.test.tensor().numpy()
    assert np.array_equal(read_samples(windows, like=data.description).tensor(), data.test.tensor())


def test_the_label_of_a_window_is_the_most_frequent_of_its_rows():
    labels = np.where(np.arange(3000) < 1510, "calm", "wild")
    data = open_data(SENSORS, kind="series", window=50, step=50, labels=labels, validation=0, test=0)
    assert data.train.labels is not None
    assert data.train.labels.tolist() == [0] * 30 + [1] * 30


def test_missing_numbers_of_a_channel_are_filled_with_its_mean():
    values = SENSORS.copy()
    values[100, 1] = np.nan
    data = open_data(values, kind="series", window=50, step=50, missing="fill")
    fill = data.description["fill"]
    assert np.allclose(fill, [20, 1013], atol=0.5)
    assert data.train.tensor()[2, 1, 0] == pytest.approx(fill[1])
    assert read_samples(values, like=data.description).tensor().isfinite().all()


def test_windows_of_a_mapped_file_stay_on_disk(tmp_path):
    np.save(tmp_path / "a.npy", SENSORS)
    data = open_data(tmp_path / "a.npy", kind="series", window=50, step=1, memory_map=True)
    assert isinstance(data.train.values, np.ndarray)
    assert data.train.values.base is not None


def test_windows_that_need_too_much_memory_are_refused():
    with pytest.raises(DataError, match=r"need .* bytes of memory.*longer step="):
        open_data(list(SENSORS.T[:, :, None]), kind="series", window=50, step=1, max_bytes=10**5)


def test_a_table_with_time_stamps_is_remarked_on():
    given = table().drop(columns="when").set_index(table()["when"])
    with pytest.warns(Remark, match="'when'.*divided at random.*kind='series'"):
        assert open_data(given).kind == "table"


def test_rows_of_a_table_are_divided_by_time_if_it_is_named():
    data = open_data(table().sample(frac=1, random_state=0), kind="table", time="when")
    assert data.columns == ("warm", "wet")
    assert data.train.tensor()[:, 0].max() < data.validation.tensor()[:, 0].min()
    assert data.validation.tensor()[:, 0].max() < data.test.tensor()[:, 0].min()


def test_parts_of_a_source_are_cut_each():
    data = open_data({"x_train": SENSORS[:2000], "x_test": SENSORS[2000:]}, kind="series", window=50, step=50)
    assert (len(data.test), data.description["split"]["own"]) == (20, ["test"])
    assert data.description["split"]["by"] == "time"


def test_a_constant_channel_is_named():
    with pytest.warns(Remark, match="channel 'dry'"):
        open_data(table(dry=1.0), kind="series", window=20)


@pytest.mark.parametrize("length", [3, 4, 24, 48, 60, 97, 100, 168, 1440])
def test_windows_begin_at_each_phase_of_a_period(length):
    step = _usual_step(length)
    assert 1 <= step <= max(1, length // 4)
    assert step > length // 8 or length < 16
    assert len({number * step % length for number in range(length)}) == length


def test_a_channel_without_values_is_named():
    given = table().assign(dead=np.nan)
    with pytest.raises(DataError, match="channel 'dead'"):
        open_data(given, kind="series", window=20)
    with pytest.raises(DataError, match="channel 'dead'"):
        open_data(given, kind="series", window=20, missing="keep")


def test_text_in_a_channel_is_named_by_row_and_column(tmp_path):
    given = table().astype(object)
    column = given.columns[1]
    given.loc[123, column] = "broken"
    given.to_csv(tmp_path / "sensors.csv", index=False)
    with pytest.raises(DataError, match=rf"'{column}' \(text, such as 'broken' in row 123, counted from 0\)"):
        open_data(tmp_path / "sensors.csv", kind="series", window=20)


def test_a_recording_of_one_step_or_shorter_than_a_window_is_refused():
    with pytest.raises(DataError, match="one time stamp"):
        open_data(table().iloc[:1], kind="series")
    with pytest.raises(DataError, match=r"longest stretch.*30 steps.*Set a shorter window="):
        open_data(table().iloc[:30], kind="series", window=40)


def test_irregular_time_stamps_are_reported_in_round_numbers():
    given = table()
    given["when"] += pd.to_timedelta(np.random.default_rng(0).uniform(-25, 25, len(given)), unit="s")
    with pytest.warns(Remark, match=r"irregular, so it is resampled to steps of \d\d(\.\d+)? s by"):
        open_data(given, kind="series", window=20, step=5)
