"""The linear tied autoencoder in closed form is PCA, and gradient descent finds the same plane."""

import pytest
import torch
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA

import isthmus as ist
from isthmus.errors import BlueprintError


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


def test_what_is_not_linear_has_no_closed_form(data: ist.Data) -> None:
    model = ist.recipe("deep", solution="closed form").build(data)
    with pytest.raises(BlueprintError, match="Only a linear tied autoencoder"):
        ist.fit(model, data)
    assert torch.isfinite(model(data.test.tensor()).output).all()
