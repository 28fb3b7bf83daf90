"""Training in closed form: PCA, which descent finds too, and readouts of random units."""

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

import isthmus as ist
from isthmus.errors import BlueprintError

SOLVED = ("random-features", "extreme-learning")


@pytest.fixture(scope="module")
def data() -> ist.Data:
    return ist.open_data("digits")


def test_recipe_reconstructs_as_scikit_learns_pca_does(data: ist.Data) -> None:
    run = ist.fit(ist.recipe("pca", code=10).build(data), data)
    train, test = (part.tensor().flatten(1).double().numpy() / 255 for part in (data.train, data.test))
    theirs = PCA(10, svd_solver="full").fit(train)
    ours = run.reconstruct(data.test).flatten(1).double().numpy() / 255
    assert abs(ours - theirs.inverse_transform(theirs.transform(test))).max() < 1e-4


def test_linear_tied_autoencoder_spans_pcas_plane_after_gradient_descent(data: ist.Data) -> None:
    closed = ist.recipe("pca", code=4).build(data)
    ist.fit(closed, data)
    descended = ist.recipe("pca", code=4, solution="gradient").build(data)
    settings = {"epochs": 120, "learning_rate": 1e-2, "schedule": "cosine", "progress": False}
    ist.fit(descended, data, batch_size=64, compile=False, **settings)
    planes = [model.get_parameter("encoder.code.weight").detach().cpu().T.numpy() for model in (closed, descended)]
    assert subspace_angles(*planes).max() < 0.1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "tied", "widths": (8,)}, "Only a linear tied dense network"),
        ({"name": "conv", "distance": "mse", "link": "identity", "code__activation": "identity"}, "A conv network"),
        ({"name": "random-features", "code": {"kind": "top-k", "size": 8, "k": 2}}, "needs a plain code"),
        ({"name": "random-features", "link": "sigmoid"}, "link='identity'"),
    ],
)
def test_what_has_no_closed_form_says_so(options, said, data: ist.Data) -> None:
    options = dict(options)
    model = ist.recipe(options.pop("name"), solution="closed form", **options).build(data, remarks=False)
    with pytest.raises(BlueprintError, match=said):
        ist.fit(model, data)
    assert torch.isfinite(model(data.test.tensor()).output).all()


@pytest.mark.parametrize("name", SOLVED)
def test_the_same_seed_gives_the_same_bits_whatever_the_model_was_before(name, data: ist.Data) -> None:
    made = [ist.recipe(name, features=40).build(data, seed=seed) for seed in (0, 7)]
    first, second = (ist.fit(model, data, seed=1).model.state_dict() for model in made)
    assert all(torch.equal(value, second[key]) for key, value in first.items())
    other = ist.fit(ist.recipe(name, features=40).build(data), data, seed=2).model.state_dict()
    assert not torch.equal(other["decoder.random.weight"], first["decoder.random.weight"])


def test_the_error_on_the_training_part_is_at_most_pcas_even_with_a_large_ridge(data: ist.Data) -> None:
    errors = {}
    for ridge in (1e-6, 1e12):
        run = ist.fit(ist.recipe("random-features", code=6, features=60, ridge=ridge).build(data), data)
        errors[ridge] = run.history[0]["loss"]
    pca = run.evaluate(data.train)["given"]["mse"]["pca"]
    assert errors[1e-6] < 0.9 * pca
    assert errors[1e12] == pytest.approx(pca, rel=1e-5)


def test_streamed_samples_give_the_weights_of_samples_in_memory(tmp_path) -> None:
    values = np.random.default_rng(0).normal(size=(3000, 5)).astype(np.float32)
    np.save(tmp_path / "rows.npy", values)
    blueprint = ist.recipe("random-features", code=2, features=20)
    found = []
    for memory_map in (False, True):
        data = ist.open_data(tmp_path / "rows.npy", memory_map=memory_map)
        assert isinstance(data.train.values, torch.Tensor) != memory_map
        found.append(ist.fit(blueprint.build(data), data, progress=False).model.state_dict())
    assert all(torch.equal(value, found[1][key]) for key, value in found[0].items())
