"""The evaluation of a model beside PCA and the mean."""

import json

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score
from torch import nn

from isthmus.data.open import open_data
from isthmus.data.samples import Samples
from isthmus.data.scaling import Scaling
from isthmus.data.stream import divided
from isthmus.measures import evaluate, psnr, ssim
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.blueprint import Blueprint
from isthmus.model.recipes import recipe
from isthmus.parts import Dense, Plain
from isthmus.pca import principal_components
from rounding import of_ssim

NEAR = {"ssim": of_ssim()}
BYTES = Scaling("bytes", 0.0, 255.0, (0.0, 1.0))


def digits(count: int, seed: int = 0) -> Samples:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randint(0, 256, (count, 1, 8, 8), generator=generator, dtype=torch.uint8)
    return Samples(values, kind="pictures")


def table(count: int, seed: int = 0) -> Samples:
    generator = torch.Generator().manual_seed(seed)
    return Samples(torch.randn(count, 5, generator=generator), columns=tuple("abcde"))


def network(shape: tuple[int, ...], scaling: Scaling, size: int = 3) -> Autoencoder:
    width = int(np.prod(shape))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = nn.Sequential(nn.Flatten(), nn.Linear(width, size), nn.Dropout(0.5))
        decoder = nn.Sequential(nn.Linear(size, width), nn.Unflatten(1, shape))
    return Autoencoder(encoder, decoder, shape=shape, scaling=scaling)


@pytest.fixture(name="judged")
def judged_pictures():
    train, test = digits(90), digits(37, seed=1)
    model = network((1, 8, 8), BYTES)
    pca = principal_components(train, BYTES, 3)
    return model, {"train": train, "test": test}, pca


def test_figures_are_means_over_all_samples_whatever_the_batch(judged):
    model, parts, pca = judged
    small = evaluate(model, parts, pca, pca.mean, batch_size=10).to_json()
    large = evaluate(model, parts, pca, pca.mean).to_json()
    for part, rows in large.items():
        for name, row in rows.items():
            assert small[part][name] == pytest.approx(row, rel=1e-5, abs=NEAR.get(name, 1e-6))


def test_figures_of_a_stream_are_those_of_its_samples(judged):
    model, parts, pca = judged
    told = []
    whole = evaluate(model, parts, pca, pca.mean)
    streams = {name: divided(part, 16) for name, part in parts.items()}
    found = evaluate(model, streams, pca, pca.mean, progress=lambda *counts: told.append(counts))
    assert told[-1] == (127, 127)
    for part, rows in whole.to_json().items():
        for name, row in rows.items():
            assert found.to_json()[part][name] == pytest.approx(
                row, rel=1e-5, abs=of_ssim() if name == "ssim" else 1e-6
            )
        assert torch.allclose(found.errors[part]["model"], whole.errors[part]["model"])
    streams["test"].count = None
    evaluate(model, streams, pca, pca.mean, progress=lambda *counts: told.append(counts))
    assert told[-1] == (127, None)


def test_figures_equal_a_plain_computation(judged):
    model, parts, pca = judged
    found = evaluate(model, parts, pca, pca.mean).to_json()["test"]
    raw = parts["test"].tensor()
    clean = raw.float() / 255
    model.eval()
    with torch.no_grad():
        outputs = {
            "model": model.reconstruct(raw) / 255,
            "pca": pca.reconstruct(clean),
            "mean": pca.mean.float().view(1, 1, 8, 8).expand_as(clean),
        }
    for rival, output in outputs.items():
        rows, target = output.flatten(1).numpy(), clean.flatten(1).numpy()
        assert found["sse"][rival] == pytest.approx(((rows - target) ** 2).sum(1).mean(), rel=1e-4)
        assert found["mse"][rival] == pytest.approx(((rows - target) ** 2).mean(), rel=1e-4)
        assert found["psnr"][rival] == pytest.approx(psnr(output, clean).mean().item(), rel=1e-4)
        assert found["ssim"][rival] == pytest.approx(ssim(output, clean).mean().item(), rel=1e-4)
        observed = r2_score(target, rows, multioutput="variance_weighted")
        assert found["explained_variance"][rival] == pytest.approx(observed, abs=1e-5)


def test_pca_leaves_the_variance_beyond_its_components_on_its_own_samples(judged):
    model, parts, pca = judged
    row = evaluate(model, parts, pca, pca.mean).measures["train"]
    assert row["sse"]["pca"] == pytest.approx(pca.total_variance - pca.variances.sum().item(), rel=1e-5)
    assert row["sse"]["mean"] == pytest.approx(pca.total_variance, rel=1e-5)
    assert row["explained_variance"]["pca"] == pytest.approx(pca.explained, rel=1e-5)


def test_errors_of_each_sample_are_kept_in_order(judged):
    model, parts, pca = judged
    found = evaluate(model, parts, pca, pca.mean, batch_size=10)
    errors = found.errors["test"]["model"]
    assert errors.dtype == torch.float32
    assert errors.shape == (37,)
    alone = evaluate(model, {"test": parts["test"].take([11])}, pca, pca.mean).errors["test"]["model"]
    assert torch.allclose(errors[11], alone[0])


def test_tables_have_explained_variance_by_column_and_no_picture_measures():
    train, test = table(80), table(40, seed=1)
    scaling = Scaling()
    pca = principal_components(train, scaling, 2)
    found = evaluate(network((5,), scaling), {"test": test}, pca, pca.mean, batch_size=7)
    assert set(found.measures["test"]) == {"sse", "mse", "explained_variance"}
    output = pca.reconstruct(test.tensor())
    observed = r2_score(test.tensor().numpy(), output.numpy(), multioutput="raw_values")
    assert np.allclose(found.columns["test"]["pca"].numpy(), observed, atol=1e-5)


def test_modes_of_modules_are_as_before(judged):
    model, parts, pca = judged
    model.train()
    model.decoder.eval()
    before = [module.training for module in model.modules()]
    evaluate(model, parts, pca, pca.mean)
    assert [module.training for module in model.modules()] == before


def test_progress_counts_samples_over_all_parts(judged):
    model, parts, pca = judged
    told = []
    evaluate(model, parts, pca, pca.mean, batch_size=50, progress=lambda done, total: told.append((done, total)))
    assert told == [(50, 127), (90, 127), (127, 127)]


def test_empty_parts_are_left_out_and_test_is_the_chief(judged):
    model, parts, pca = judged
    parts = {**parts, "validation": parts["test"].take([])}
    found = evaluate(model, parts, pca, pca.mean)
    assert set(found.measures) == {"train", "test"}
    assert found.chief_part == "test"


def test_what_is_not_defined_is_none_and_json_takes_it(judged):
    model, parts, pca = judged
    one = evaluate(model, {"test": parts["test"].take([0])}, pca, pca.mean)
    assert one.measures["test"]["explained_variance"]["model"] is None
    with torch.no_grad():
        next(model.decoder.parameters()).fill_(float("nan"))
    broken = evaluate(model, parts, pca, pca.mean)
    assert broken.measures["test"]["mse"]["model"] is None
    json.dumps([one.to_json(), broken.to_json()], allow_nan=False)


def test_missing_numbers_do_not_count():
    samples = table(60)
    values = samples.tensor().clone()
    holes = torch.rand(values.shape, generator=torch.Generator().manual_seed(3)) < 0.3
    holes[holes.all(1)] = False
    values[holes] = torch.nan
    holed = Samples(values, columns=samples.columns)
    pca = principal_components(holed, Scaling(), 2)
    model = Blueprint(network=Dense(), code=Plain(size=2), missing="mask").build((5,), remarks=False)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(0, 0.5, generator=torch.Generator().manual_seed(4))
    found = evaluate(model, {"test": holed}, pca, pca.mean, batch_size=17)
    observed, x = ~holes.numpy(), samples.tensor().double().numpy()
    with torch.no_grad():
        made = {"model": model(values).output, "pca": pca.reconstruct(values), "mean": pca.mean.expand(60, 5)}
    centre = (x * observed).sum(0) / observed.sum(0)
    spread = ((x - centre) ** 2 * observed).sum(0)
    for rival, output in made.items():
        squares = (output.double().numpy() - x) ** 2 * observed
        row = {name: measures[rival] for name, measures in found.measures["test"].items()}
        assert row["sse"] == pytest.approx(squares.sum(1).mean(), rel=1e-5)
        assert row["mse"] == pytest.approx((squares.sum(1) / observed.sum(1)).mean(), rel=1e-5)
        assert row["explained_variance"] == pytest.approx(1 - squares.sum() / spread.sum(), abs=1e-5)
        assert np.allclose(found.columns["test"][rival], 1 - squares.sum(0) / spread, atol=1e-5)


def test_pictures_with_holes_have_no_structural_similarity():
    values = digits(9).tensor().float()
    values[2, 0, 3, 3] = torch.nan
    holed = Samples(values, kind="pictures")
    pca = principal_components(holed, BYTES, 2)
    model = Blueprint(network=Dense(), code=Plain(size=2), missing="mask").build((1, 8, 8), remarks=False)
    found = evaluate(model, {"test": holed}, pca, pca.mean).measures["test"]
    assert found["ssim"]["model"] is None
    assert found["psnr"]["model"] is not None


def test_model_that_restores_is_judged_by_damaged_samples_and_beside_doing_nothing():
    data = digits(40)
    model = recipe("upscale", channels=(4, 4)).build(open_data(data.tensor().numpy())).eval()
    pca = principal_components(data, BYTES, 3)
    found = evaluate(model, {"test": data}, pca, pca.mean, batch_size=16)
    clean = data.tensor() / 255
    small = model.corruption.quantised(model.corruption(clean))
    assert small.shape[1:] == (1, 4, 4)
    enlarged = model.corruption.as_clean(small, model.shape)
    assert found.measures["test"]["mse"]["nothing"] == pytest.approx(
        float((enlarged - clean).square().mean()), rel=1e-5
    )
    made = model(data.tensor()).reconstruction.detach()
    assert found.measures["test"]["mse"]["model"] == pytest.approx(float((made - clean).square().mean()), rel=1e-5)
    assert set(found.errors["test"]) == {"model", "pca", "nothing"}
    again = evaluate(model, {"test": data}, pca, pca.mean, batch_size=16)
    assert again.to_json() == found.to_json()


def test_noise_of_the_judged_samples_is_that_of_training_and_always_the_same():
    data = digits(200)
    noisy = recipe("denoise", channels=(4, 4), sigma=0.2, corruption__as_bytes=False)
    model = noisy.build(open_data(data.tensor().numpy())).eval()
    pca = principal_components(data, BYTES, 3)
    rows = [evaluate(model, {"test": data}, pca, pca.mean).measures["test"]["mse"] for _ in range(2)]
    assert rows[0] == rows[1]
    assert rows[0]["nothing"] == pytest.approx(0.2**2, rel=0.05)
    assert "nothing" not in evaluate(network(data.shape, BYTES), {"test": data}, pca, pca.mean).measures["test"]["mse"]
