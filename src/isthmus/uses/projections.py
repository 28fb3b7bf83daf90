"""Projections: codes to points of a plane, and points of the plane back to codes, in four ways."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from isthmus.data.samples import Samples
from isthmus.errors import DataError, UseError, nearest
from isthmus.extras import needs
from isthmus.formatting import percent
from isthmus.pca import principal_components
from isthmus.shown import Shown

Way = Literal["auto", "code", "pca", "tsne", "umap"]
NEAR = 5
"""For a map without an inverse of its own: how many points are mixed for a position between them."""


@dataclass(frozen=True, eq=False, repr=False)
class Projection(Shown):
    """Codes as points.

    way: the method. points: (N, 2); (N, 1) for codes with one latent dimension. axes: the names of the axes. back:
    (M, 2) points to (M, D) codes. exact: whether `back` is the map's own inverse; otherwise a position is decoded from
    a mixture of the codes around it, which means nothing far from all points.
    """

    way: Way
    points: Tensor
    axes: tuple[str, ...]
    back: Callable[[Tensor], Tensor]
    exact: bool


def project(codes: Tensor, way: Way = "auto", *, seed: int = 0) -> Projection:
    """(N, D) codes as points of a plane.

    way: "code" takes codes with one or two latent dimensions as they are; "pca" their first two principal components;
    "tsne" (scikit-learn) and "umap" (umap-learn) keep neighbours together; "auto" is code if possible, otherwise tsne.
    seed: of the last two.

    Raises:
        DataError: there are fewer than four codes, or there is no such way.
        UseError: the codes have more than two latent dimensions for "code".
        MissingPackageError: "umap" needs the extra `map`.
    """
    if way not in get_args(Way):
        raise DataError(f"There is no way {way!r} to map. {nearest(str(way), get_args(Way))}")
    if len(codes) < 4:
        raise DataError(f"There are {len(codes)} samples with finite codes, too few for a map: expected four or more.")
    size = codes.shape[1]
    if way == "auto":
        way = "code" if size <= 2 else "tsne"
    if way == "code" and size > 2:
        raise UseError(
            f"This model's code has {size} latent dimensions, but way=code needs one or two. Choose way=tsne, pca or "
            "umap, or train a model with code=2."
        )
    if way == "code" or size == 1:
        names = tuple(f"latent dimension {place}" for place in range(size))
        return Projection("code", codes, names, lambda at: at, True)
    if way == "pca":
        found = principal_components(Samples(codes), Tensor.float, 2)
        shares = (found.variances / max(found.total_variance, 1e-30)).tolist()
        names = tuple(f"code's principal component {i + 1} ({percent(share, 0)})" for i, share in enumerate(shares))
        return Projection(way, found.encode(codes).float(), names, lambda at: found.decode(at).float(), True)
    points = torch.from_numpy((_tsne if way == "tsne" else _umap)(codes.numpy(), seed)).float()
    called = {"tsne": "t-SNE", "umap": "UMAP"}[way]
    return Projection(way, points, (f"{called}, 1st axis", f"{called}, 2nd axis"), _between(points, codes), False)


def _between(points: Tensor, codes: Tensor) -> Callable[[Tensor], Tensor]:
    """An inverse for a map without one: the mean of the nearest points' codes, weighted by 1/distance²."""

    def back(at: Tensor) -> Tensor:
        distances, near = torch.cdist(at, points).topk(min(NEAR, len(points)), largest=False)
        weights = 1 / distances.square().clamp(min=1e-9)
        return (codes[near] * (weights / weights.sum(1, keepdim=True))[..., None]).sum(1)

    return back


def _tsne(codes: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE  # noqa: PLC0415 slow to import, and needed only here

    perplexity = min(30.0, (len(codes) - 1) / 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about codes that are all equal
        return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(codes)


def _umap(codes: np.ndarray, seed: int) -> np.ndarray:
    umap = needs("umap", "map", "way=umap", package="umap-learn", instead="use way=tsne")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about using one thread because of the seed
        near = min(15, len(codes) - 1)
        start = "spectral" if len(codes) > 50 else "random"
        return umap.UMAP(n_neighbors=near, init=start, random_state=seed, n_jobs=1).fit_transform(codes)
