"""Summaries: fair random samples, counts over all rows, and rows that the model can take."""

import numpy as np
import pandas as pd
import pytest

import isthmus as ist
from isthmus.data.stream import divided
from isthmus.uses.detector import detector
from isthmus.uses.summary import Reservoir, columns_of, held, summarise


def sampled(rows, most, sizes, seed=0):
    kept, start = Reservoir(most, seed), 0
    for size in sizes:
        piece = rows[start : start + size]
        chosen = kept.choose(len(piece))
        kept.put(chosen, piece[chosen])
        start += size
    return kept.rows(rows.shape[1])


def test_a_reservoir_is_the_same_whatever_the_pieces_and_keeps_the_order():
    rows = np.arange(1000.0)[:, None]
    whole, pieces = sampled(rows, 50, [1000]), sampled(rows, 50, [3, 60, 400, 1, 536])
    assert np.array_equal(whole, pieces)
    assert len(whole) == 50
    assert (np.diff(whole[:, 0]) > 0).all()
    assert np.array_equal(sampled(rows, 5000, [500, 500]), rows)
    assert sampled(rows[:0], 5, [0]).shape == (0, 1)


def test_every_row_of_a_stream_has_the_same_chance():
    rows = np.arange(100.0)[:, None]
    times = np.zeros(100)
    for seed in range(400):
        times[sampled(rows, 20, [10, 50, 40], seed)[:, 0].astype(int)] += 1
    assert times.mean() == 80
    assert times.std() == pytest.approx(8, rel=0.25)  # of a binomial count, √(400 · 0.2 · 0.8)
    assert times[:10].mean() == pytest.approx(times[-10:].mean(), abs=10)


def test_counts_are_those_of_all_rows(mixed):
    run, frame = mixed
    frame = frame.assign(city=["Paris"] * 3 + frame["city"].tolist()[3:])
    frame.loc[5:14, "b"] = np.nan
    with pytest.warns(ist.Remark, match="Paris"):
        found = summarise(
            run,
            held(
                run,
                frame,
            ),
            columns_of(run),
            [detector(run, "error")],
        )
    names = [column.name for column in found.columns]
    assert names == ["a", "b", "city", "when"]
    assert found.rows == len(frame) == found.scored
    assert dict(zip(names, found.missing.tolist(), strict=True)) == {
        "a": 0, "b": int(frame["b"].isna().sum()), "city": 0, "when": 0
    }  # fmt: skip
    assert found.unknown.tolist() == [0, 0, 3, 0]
    counts = found.counts[2]
    assert counts is not None
    assert counts.tolist() == [int((frame["city"] == name).sum()) for name in ("Bern", "Oslo", "Rome")]
    assert found.passed.shape == (len(frame), 1 + int(np.prod(run.model.code_shape)))


def test_a_model_of_complete_rows_scores_those_alone(table):
    run, values = table
    holes = values.copy()
    holes[:30, 1] = np.nan
    found = summarise(run, held(run, holes), columns_of(run), [detector(run, "error")])
    assert (found.rows, found.scored) == (800, 770)
    assert found.missing.tolist() == [0, 30, 0, 0, 0]
    assert found.values(1).shape == (770,)
    assert found.passed[:, 0] == pytest.approx(
        detector(run, "error").scores(ist.read_samples(values[30:])).numpy(), rel=1e-4
    )


def test_samples_in_memory_are_summarised_as_they_are(table):
    run, values = table
    samples = ist.read_samples(values)
    one, other = (summarise(run, stream, columns_of(run), ()) for stream in (held(run, samples), divided(samples, 7)))
    assert np.array_equal(one.drawn, other.drawn)
    assert one.scored == 0


def test_windows_that_overlap_are_thinned():
    series = pd.DataFrame({"x": np.sin(np.arange(400) / 5)})
    data = ist.open_data(series, kind="series", window=16, step=4)
    run = ist.fit(ist.recipe("pca", code=2).build(data), data, progress=False)
    windows = len(run.read(series))
    found = summarise(run, held(run, series), (), [detector(run, "error")])
    assert found.rows == found.scored == -(-windows // 4)
