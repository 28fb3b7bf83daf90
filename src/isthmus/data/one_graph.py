"""One graph: the number of its nodes, its edges, and its nodes' features, whatever it was read from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from isthmus.data.entries import UnreadableError
from isthmus.formatting import listed

NAMED = {
    "karate-club": "karate_club_graph",
    "les-miserables": "les_miserables_graph",
    "florentine-families": "florentine_families_graph",
}
"""Graphs that come with networkx, by the names under which `open_data` knows them."""


@dataclass(frozen=True, eq=False)
class OneGraph:
    """An undirected graph without loops and without repeated edges.

    edges: (E, 2) int64, the smaller node first. features: (count, F) float64. names: of the nodes, or empty.
    label: its class, or None. directed: whether the edges had directions that differ from undirected ones.
    """

    count: int
    edges: np.ndarray
    features: np.ndarray
    names_of_features: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    label: Any = None
    directed: bool = False


def from_edges(
    edges: np.ndarray,
    count: int | None = None,
    features: np.ndarray | None = None,
    names_of_features: Sequence[str] = (),
    *,
    names: Sequence[str] = (),
    label: Any = None,
    directed: bool = False,
) -> OneGraph:
    """A graph of (E, 2) edges between nodes from 0; `count` None is one more than the largest node.

    Raises:
        UnreadableError: the edges aren't pairs of nodes, or the features aren't one row of finite numbers for each.
    """
    if edges.ndim != 2 or edges.shape[1] != 2 or (edges.size and edges.dtype.kind not in "iu"):
        raise UnreadableError(f"Edges of shape {edges.shape} and type {edges.dtype}: expected pairs of whole numbers.")
    edges = edges.astype(np.int64)
    count = count if count is not None else int(edges.max(initial=-1)) + 1
    if count < 1 or edges.min(initial=0) < 0 or edges.max(initial=-1) >= count:
        raise UnreadableError(
            f"Edges between nodes {edges.min(initial=0)} to {edges.max(initial=0)} of {count}: expected 0 to "
            f"{count - 1}."
        )
    made = np.empty((count, 0)) if features is None else np.asarray(features, np.float64).reshape(len(features), -1)
    if len(made) != count or not np.isfinite(made).all():
        raise UnreadableError(
            f"Features of {len(made)} nodes for {count}: expected a row of finite numbers for each node."
        )
    called = tuple(names_of_features) or tuple(f"x{place}" for place in range(made.shape[1]))
    once = np.unique(np.sort(edges[edges[:, 0] != edges[:, 1]], 1), axis=0).reshape(-1, 2)
    return OneGraph(count, once, made, called, tuple(names), label, directed)


def from_square(
    shape: Sequence[int], entries: np.ndarray, where: str, features: Any = None, label: Any = None
) -> OneGraph:
    """A graph of the (E, 2) places of a square matrix that aren't 0.

    Raises:
        UnreadableError: the matrix isn't square.
    """
    if len(shape) != 2 or shape[0] != shape[1]:
        raise UnreadableError(
            f"{where}: a matrix of shape {tuple(shape)} is no adjacency: expected (nodes, nodes), or (edges, 2) whole "
            "numbers."
        )
    given = {(one, other) for one, other in entries.tolist()}
    directed = any((other, one) not in given for one, other in given)
    return from_edges(entries.astype(np.int64), int(shape[0]), features, label=label, directed=directed)


def from_networkx(graph: Any, columns: Sequence[str] = ()) -> OneGraph:
    """A graph of networkx. The features are the numbers that every node has as attributes, or those named `columns`.

    Its attribute "label" or "y" is its class.

    Raises:
        UnreadableError: it has no nodes, or a node lacks a number that `columns` names.
    """
    if not graph.number_of_nodes():
        raise UnreadableError("The graph has no nodes: expected at least one.")
    place = {node: number for number, node in enumerate(graph.nodes())}
    own = [dict(attributes) for _, attributes in graph.nodes(data=True)]
    shared = [name for name in own[0] if all(isinstance(node.get(name), int | float) for node in own)]
    if missing := [name for name in columns if name not in shared]:
        raise UnreadableError(
            f"columns={listed(missing)}: expected attributes that are numbers of every node, such as "
            f"{listed(shared) or 'none here'}."
        )
    chosen = list(columns) or shared
    edges = np.array([(place[one], place[other]) for one, other in graph.edges()], np.int64).reshape(-1, 2)
    features = np.array([[float(node[name]) for name in chosen] for node in own]).reshape(len(own), -1)
    label = next((graph.graph[name] for name in ("label", "y") if name in graph.graph), None)
    return from_edges(
        edges, len(place), features, chosen, names=tuple(map(str, place)), label=label, directed=graph.is_directed()
    )


def is_graphs(source: Any) -> bool:
    """Whether an object is a graph of networkx or of a library like PyTorch Geometric, or a list of such graphs."""
    if isinstance(source, list | tuple) and source:
        return is_graph(source[0])
    return is_graph(source)


def is_graph(one: Any) -> bool:
    """Whether an object has the interface of such a graph."""
    if hasattr(one, "edge_index"):
        return True
    return all(callable(getattr(one, name, None)) for name in ("is_directed", "number_of_nodes", "number_of_edges"))
