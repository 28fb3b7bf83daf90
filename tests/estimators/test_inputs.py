"""Every form of X, and X that is wrong."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse

from estimators.common import ALL, SMALL, messy, numbers, same, use
from isthmus.errors import DataError, Remark
from isthmus.sklearn import AutoencoderDetector, AutoencoderImputer, AutoencoderTransformer

forms = {
    "a list": np.ndarray.tolist,
    "float32": lambda X: X.astype(np.float32),
    "big endian": lambda X: X.astype(">f8"),
    "columns first": np.asfortranarray,
    "every other row": lambda X: np.repeat(X, 2, axis=0)[::2],
    "objects": lambda X: X.astype(object),
    "pandas": pd.DataFrame,
    "polars": lambda X: pl.DataFrame({f"x{place}": column for place, column in enumerate(X.T)}),
    "sparse": sparse.csc_array,
}


@pytest.mark.parametrize("form", forms.values(), ids=forms.keys())
def test_the_form_of_x_makes_no_difference(form):
    X = numbers().round(2)
    usual = AutoencoderTransformer(**SMALL).fit(X).transform(X)
    other = AutoencoderTransformer(**SMALL).fit(form(X)).transform(form(X))
    assert np.allclose(other, usual, atol=1e-4)


def test_whole_numbers_and_read_only_arrays_are_taken_and_not_changed():
    X = (10 * numbers()).astype(np.int16)
    X.setflags(write=False)
    before = X.copy()
    assert AutoencoderTransformer(**SMALL).fit(X).transform(X).dtype == np.float64
    assert np.array_equal(X, before)


@pytest.mark.parametrize("make", [messy, lambda: pl.from_pandas(messy().reset_index(drop=True))])
@pytest.mark.parametrize("kind", ALL)
def test_a_messy_table_is_learnt_as_it_is(kind, make):
    frame = make()
    made = use(kind(**SMALL).fit(frame), frame)
    if isinstance(made, np.ndarray):
        assert np.isfinite(made).all()
    else:
        assert list(made.columns) == list(frame.columns)
        assert type(made) is type(frame)


def test_an_array_of_mixed_cells_is_a_table_and_comes_back_as_one():
    cells = messy().drop(columns=["day"]).to_numpy(dtype=object)
    filled = AutoencoderImputer(**SMALL).fit_transform(cells)
    assert filled.dtype == object
    known = ~pd.isna(cells)
    assert (filled[known] == cells[known]).all()
    assert not pd.isna(filled).any()


@pytest.mark.parametrize("shape", [(30, 8, 8), (30, 8, 8, 3), (30, 3, 8, 8)])
def test_pictures_keep_their_layout(shape):
    pictures = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    pictures[:, :4] //= 4  # so that a layout that is mixed up is noticed
    model = AutoencoderTransformer("pca", code=20).fit(pictures)
    made = model.reconstruct(pictures)
    assert made.shape == shape
    assert np.corrcoef(made.ravel(), pictures.ravel())[0, 1] > 0.5
    assert model.inverse_transform(model.transform(pictures)).shape == shape
    assert model.n_features_in_ == np.prod(shape[1:])
    assert same(model.transform(pictures.reshape(30, -1)), model.transform(pictures))
    with pytest.raises(ValueError, match="expecting samples of shape"):
        model.transform(pictures[:, 1:])


def test_a_sparse_matrix_that_is_too_large_is_refused_with_the_size_it_would_need():
    large = sparse.csr_array(([1.0, 1.0], ([0, 9999], [0, 199_999])), shape=(10_000, 200_000))
    with pytest.raises(ValueError, match="needs 8000000000 bytes"):
        AutoencoderTransformer(**SMALL).fit(large)


def test_one_row_is_too_few():
    for X in (numbers(1), messy(6)[:1]):
        with pytest.raises(ValueError, match=r"1 sample.*minimum of 2 is required"):
            AutoencoderTransformer(**SMALL).fit(X)


def test_a_table_of_which_no_column_is_left_is_refused():
    frame = pd.DataFrame(numbers(), columns=list("abcd"))
    with pytest.raises(DataError, match="no columns left to learn from"):
        AutoencoderTransformer(**SMALL, reading={"exclude": list("abcd")}).fit(frame)


def test_infinite_values_are_named():
    X = numbers()
    X[7, 2] = np.inf
    with pytest.raises(ValueError, match="contains infinity"):
        AutoencoderTransformer(**SMALL).fit(X)
    with pytest.raises(DataError, match=r"infinite values \(sample 7, column 'c'\)"):
        AutoencoderTransformer(**SMALL).fit(pd.DataFrame(X, columns=list("abcd")))


def test_a_new_category_is_a_remark_and_makes_a_row_anomalous():
    frame = messy()
    model = AutoencoderDetector(**SMALL).fit(frame)
    new = frame[10:20].copy()
    new.iloc[0, 1] = "Paris"
    with pytest.warns(Remark, match="'city'.*'Paris'"):
        assert model.score_samples(new).argmin() == 0


@pytest.mark.parametrize(
    ("column", "values"),
    [("city", 1.5), ("age", "young"), ("day", 3.0), ("paid", 0.3), ("paid", "Oslo"), ("visits", "often")],
)
def test_a_column_that_changed_its_type_is_named(column, values):
    frame = messy()
    model = AutoencoderTransformer(**SMALL).fit(frame)
    with pytest.raises(DataError, match=f"[Cc]olumn '{column}'"):
        model.transform(frame.assign(**{column: values}))


def test_missing_values_that_are_new_after_fit_are_explained():
    X = numbers()
    model = AutoencoderTransformer(**SMALL).fit(X)
    X[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"in 1 of 60 rows.*options=\{'missing': 'mask'\}"):
        model.transform(X)
    assert AutoencoderTransformer(**SMALL, options={"missing": "mask"}).fit(numbers()).transform(X).shape == (60, 2)


def test_wrong_numbers_of_features_have_the_message_of_scikit_learn():
    model = AutoencoderTransformer(**SMALL).fit(numbers())
    with pytest.raises(ValueError, match="X has 3 features, but AutoencoderTransformer is expecting 4 features"):
        model.transform(numbers()[:, :3])


def test_options_that_drop_rows_are_refused():
    X = numbers()
    X[0, 0] = np.nan
    with pytest.warns(Remark, match="left out"), pytest.raises(DataError, match="expected one for each row"):
        AutoencoderTransformer(**SMALL, reading={"missing": "drop"}).fit(X)


@pytest.mark.parametrize("share", [0.0, -0.1, 0.51, "some"])
def test_a_contamination_outside_its_bounds_is_refused(share):
    with pytest.raises(ValueError, match="'contamination' parameter of AutoencoderDetector must be"):
        AutoencoderDetector(contamination=share).fit(numbers())
