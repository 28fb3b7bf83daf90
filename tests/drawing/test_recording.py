"""Figures of recordings: gaps, long lines and short anomalies."""

import datetime

import numpy as np
import pytest

from isthmus.drawing.recording import Line, _thinned, recording_scores, runs
from isthmus.drawing.theme import DARK, LIGHT


def line(steps=200, anomalous=(50, 51), **words):
    flags = np.zeros(steps, bool)
    flags[list(anomalous)] = True
    values = np.stack([np.sin(np.arange(steps) / 9), np.cos(np.arange(steps) / 9)], 1)
    return Line(np.arange(steps, dtype=float), values, 1 + np.abs(values[:, 0]), flags, **words)


def test_runs_are_first_and_last_places():
    assert runs(np.array([True, False, True, True, False, True])).tolist() == [[0, 0], [2, 3], [5, 5]]
    assert runs(np.zeros(3, bool)).shape == (0, 2)


def test_a_long_line_keeps_its_extremes():
    values = np.zeros(100_000)
    values[54_321], values[77] = 9, -9
    times, drawn = _thinned(np.arange(100_000.0), values)
    assert len(times) == len(drawn) < 5000
    assert (drawn.max(), drawn.min()) == (9, -9)


@pytest.mark.parametrize("zone", [None, datetime.UTC])
@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_channels_stand_above_the_score(zone, theme):
    whole, worst = line(), line(60, (30,), reconstructed=np.zeros((60, 2)), title="step 30")
    figure = recording_scores(whole, [worst], ["warm", "a $very long name of a channel"], 1.5, zone=zone, theme=theme)
    left = [axes.get_ylabel() for axes in figure.axes][::2]
    assert left[0] == "warm"
    assert left[1].startswith(r"a \$very")
    assert left[2] == "score"
    assert figure.axes[1].get_title(loc="left") == "step 30"
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["anomalous", "recording", "reconstruction", "threshold"]
    figure.canvas.draw()


def test_a_single_step_of_a_long_recording_is_visible():
    figure = recording_scores(line(50_000, (777,)), [], ["a", "b"], 1.5)
    (bars,) = figure.axes[0].collections
    box = bars.get_paths()[0].get_extents()
    assert box.width >= 0.002 * 50_000
    assert box.x0 < 777 < box.x1


def test_no_anomalous_step_draws_no_shade():
    figure = recording_scores(line(100, ()), [], ["a", "b"], 5.0)
    assert not figure.axes[0].collections
