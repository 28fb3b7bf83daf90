"""Codes projected to a plane, each way."""

import sys
from types import SimpleNamespace

import pytest
import torch

from isthmus.data import Samples
from isthmus.extras import MissingPackageError
from isthmus.pca import principal_components
from isthmus.uses.projections import project

CODES = torch.randn(80, 6, generator=torch.Generator().manual_seed(0))


def test_codes_of_two_numbers_are_the_map():
    found = project(CODES[:, :2])
    assert found.way == "code"
    assert torch.equal(found.points, CODES[:, :2])
    assert torch.equal(found.back(found.points), CODES[:, :2])


def test_principal_components_are_those_of_the_codes_and_go_back_into_their_plane():
    found = project(CODES, "pca")
    pca = principal_components(Samples(CODES), torch.Tensor.float, 2)
    assert torch.allclose(found.points, pca.encode(CODES).float())
    assert torch.allclose(found.back(found.points), pca.decode(pca.encode(CODES)).float(), atol=1e-5)


def test_tsne_is_seeded_keeps_clusters_together_and_goes_back_to_the_codes_nearby():
    codes = torch.cat((CODES * 0.1, CODES * 0.1 + 5))
    found = project(codes, "tsne", seed=3)
    assert torch.equal(found.points, project(codes, "tsne", seed=3).points)
    first, second = found.points[:80], found.points[80:]
    assert float(torch.cdist(first, second).min()) > 0
    nearest = torch.cdist(found.points, found.points).fill_diagonal_(torch.inf).argmin(1)
    assert ((nearest >= 80) == (torch.arange(160) >= 80)).all()
    assert torch.allclose(found.back(found.points[:3]), codes[:3], atol=1e-3)


def test_umap_gets_the_codes_and_the_seed(monkeypatch):
    class Umap:
        """In the place of UMAP, which takes half a minute to compile itself."""

        def __init__(self, **words):
            self.words = words

        def fit_transform(self, codes):
            assert self.words | {"init": ""} == {"n_neighbors": 15, "random_state": 7, "n_jobs": 1, "init": ""}
            return codes[:, :2]

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Umap))
    found = project(CODES, "umap", seed=7)
    assert torch.equal(found.points, CODES[:, :2])
    assert not found.exact


def test_without_umap_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingPackageError, match=r"needs umap-learn.*pip install 'isthmus\[map\]', or use way=tsne\."):
        project(CODES, "umap")
