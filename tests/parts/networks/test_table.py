"""The network for tables: embeddings of categories and of their absence beside the numbers."""

import numpy as np
import pyarrow as pa
import pytest
import torch

import isthmus as ist
from isthmus.parts import Columns, DataSpec, Hide, Plain, Table
from isthmus.parts.networks.table import Embed


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_numbers_pass_and_categories_are_looked_up():
    embed = Embed((0, 3, 2), 4, True, 6, generator())
    x = torch.tensor([[1.5, 2, 0, 1, 1, 1], [0, 0, 1, 0, 0, 1]])
    made, weight = embed(x), embed.table.weight
    assert made.shape == (2, embed.width)
    expected = [
        torch.cat([torch.tensor([1.5, 1]), weight[2], weight[4]]),
        torch.cat([torch.zeros(2), weight[3], weight[5]]),
    ]
    torch.testing.assert_close(made, torch.stack(expected))


def test_what_comes_beside_the_columns_is_passed_on():
    embed = Embed((2, 0), 3, False, 4, generator())
    assert embed(torch.tensor([[1.0, 7.0, 8.0, 9.0]]))[0, :3].tolist() == [7, 8, 9]


def test_a_missing_category_differs_from_every_known_one():
    network = Table(levels=(3, 0), masked=True)
    encoder = network.encoder((4,), (2,), generator())
    codes = encoder(torch.tensor([[0, 1.0, 1, 1], [1, 1.0, 1, 1], [2, 1.0, 1, 1], [0, 1.0, 0, 1]]))
    assert len({tuple(code.tolist()) for code in codes}) == 4


def test_facts_settle_it():
    resolve = Table().resolve(DataSpec(levels=(0, 5), masked=True))
    assert (resolve.levels, resolve.masked) == ((0, 5), True)


def frame(count=300, seed=0) -> pa.Table:
    place = np.random.default_rng(seed)
    kind = place.integers(0, 3, count)
    size = 2 * kind + place.normal(0, 0.3, count)
    return pa.table({"kind": np.array(["a", "b", "c"])[kind], "size": size, "weight": 3 * size + 1, "large": kind == 2})


@pytest.fixture(scope="module")
def run() -> ist.Run:
    data = ist.open_data(frame(), categorical="auto", seed=1)
    model = ist.recipe("table", code=2).build(data)
    return ist.fit(model, data, epochs=40, learning_rate=5e-3, batch_size=32, compile=False, progress=False)


def test_hidden_cells_are_learnt_to_be_filled_in(run):
    table = frame(200, seed=7)
    whole = ist.data.read_samples(table, like=run.description).tensor().numpy()
    holed = np.where(np.random.default_rng(3).random(whole.shape) < 0.3, np.nan, whole)
    holed = np.where(np.isnan(holed).all(1, keepdims=True), whole, holed)
    filled = run.fill(holed).numpy()
    observed = ~np.isnan(holed)
    assert np.array_equal(filled[observed], holed[observed].astype(np.float32))
    wrong = (filled != whole)[:, 0][~observed[:, 0]].mean()
    assert wrong < 0.3
    off = (filled - whole)[:, 2][~observed[:, 2]]
    assert np.sqrt((off**2).mean()) < 0.5 * whole[:, 2].std()


def test_code_larger_than_a_narrow_table_is_kept_from_copying_by_what_is_hidden():
    place = np.random.default_rng(0)
    inner = place.normal(size=(400, 1))
    values = (inner @ [[1.0, -2.0, 3.0]] + place.normal(0, 0.2, (400, 3))).astype(np.float32)
    data = ist.open_data(values, seed=1)
    model = ist.recipe("table", code=16).build(data)
    assert model.code_shape == (16,)
    run = ist.fit(model, data, epochs=30, learning_rate=5e-3, batch_size=32, compile=False, progress=False)
    own = data.test.tensor().numpy()
    mixed = np.stack([place.permutation(column) for column in own.T], 1)
    own_error, mixed_error = (((run.reconstruct(rows).numpy() - rows) ** 2).mean() for rows in (own, mixed))
    assert mixed_error > 5 * own_error
    assert not {finding.name for finding in ist.diagnose(run)} & {"copying", "no bottleneck"}


def test_a_table_of_names_is_filled_with_names(run, tmp_path):
    holed = pa.table({"kind": [None, "a"], "size": [4.0, None], "weight": [13.0, 1.0], "large": [None, False]})
    filled = run.fill(holed)
    path = ist.data.write_samples(tmp_path / "filled.csv", filled, like=run.description)
    assert path.read_text().splitlines()[1] == '"c",4,13,"true"'


def test_categories_are_judged_by_how_often_they_are_right(run):
    found = run.evaluation()
    rows = run.open().test.tensor()
    made = run.reconstruct(rows)
    wrong = (made[:, 0] != rows[:, 0]).double().mean()
    commonest = 1 - torch.bincount(rows[:, 0].long()).max() / len(rows)
    assert float(found.columns["test"]["model"][0]) == pytest.approx(float(1 - wrong / commonest), abs=1e-6)
    assert float(found.columns["test"]["mean"][0]) == 0


def test_the_report_names_categories(run, tmp_path):
    assert run.report(tmp_path / "report.html").exists()


def test_hiding_without_draws_hides_nothing():
    hide = Hide(share=0.5)
    model = ist.Blueprint(network=Table(), code=Plain(size=2), distance=Columns(), corruption=hide).build((6,))
    x = torch.randn(40, 6, generator=generator())
    draws = model.draw(40, generator())
    seen = model(x, draws)
    hidden = hide.hidden(draws["corruption"])
    assert model.conditioning.mask
    assert 0.3 < float(hidden.float().mean()) < 0.7
    assert torch.equal(seen.corrupted, torch.where(hidden, 0.0, x))
    assert seen.observed is not None
    assert bool(seen.observed.all())
    assert torch.equal(model(x).corrupted, x)
    assert not torch.equal(seen.code.z, model(seen.corrupted).code.z), "the encoder is told what is hidden"
