"""Graphs: from files, matrices and objects of graph libraries to samples of one shape."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from torch import Tensor

from isthmus.data.entries import Entry
from isthmus.data.graph_files import graphs_of_arrays, graphs_of_entry
from isthmus.data.media import Graph, Medium
from isthmus.data.one_graph import NAMED, OneGraph, from_edges, from_networkx, from_square, is_graph
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.windows import windows_of
from isthmus.errors import DataError, remark
from isthmus.formatting import listed
from isthmus.parts.graphs import EDGE, NO_EDGE, UNKNOWN


@dataclass
class _Found:
    """The graphs of one part, with their names and labels."""

    graphs: list[OneGraph]
    names: tuple[str, ...] = ()
    labels: Any = None
    parts: dict[str, "_Found"] = field(default_factory=dict)


def read_files(entries: Sequence[Entry], options: Options, where: str, medium: Medium | None) -> Raw:
    """The graphs of files of edges, of GraphML and GML, and of matrices. The first folder of each is its label.

    medium: of a model that the graphs are for.

    Raises:
        DataError: no file has a graph, or a graph doesn't fit the model.
    """
    windows = windows_of(
        entries, where, lambda entry: graphs_of_entry(entry, options.columns, options.max_bytes), "files of graphs"
    )
    parts = {
        part: _Found(found.items, tuple(found.names) if len(found.items) > 1 else (), found.labels)
        for part, found in windows.items()
    }
    train = parts.pop("train")
    return _encoded(replace(train, parts=parts), options, where, medium)


def read_named(name: str, options: Options, medium: Medium | None) -> Raw:
    """A graph of `NAMED`, as networkx has it."""
    social: Any = importlib.import_module("networkx.generators.social")
    made = _encoded(_Found([from_networkx(getattr(social, NAMED[name])(), options.columns)]), options, name, medium)
    return replace(made, origin=name)


def from_memory(source: Any, options: Options, where: str, labels: Any = None, medium: Medium | None = None) -> Raw:
    """A graph, a list of graphs, a matrix, or several, as the reader `read_files` returns them.

    A mapping of arrays has an adjacency or edges and maybe features, as in an `.npz` file.

    Raises:
        DataError: an object isn't a graph, or a graph doesn't fit the model.
    """
    if isinstance(source, Mapping):
        graphs = graphs_of_arrays(source, where)
    elif isinstance(source, list | tuple) and source and not np.isscalar(source[0]) and not _is_rows(source):
        graphs = [graph for one in source for graph in _graphs(one, options, where)]
    else:
        graphs = _graphs(source, options, where)
    return _encoded(_Found(graphs, labels=labels), options, where, medium)


def held_out(raw: Raw, fractions: Mapping[str, float], seed: int) -> Raw:
    """A single graph with a validation and a test part, which hold out some of its edges and as many other pairs.

    The encoder sees the training part's edges in every part. The pairs of another part aren't counted in any but that.

    fractions: of the edges, for "validation" and "test".
    """
    if not isinstance(raw.medium, Graph) or len(raw.values) != 1 or raw.parts or not any(fractions.values()):
        return raw
    whole = np.array(raw.values)
    square = whole[0, 0, :, : raw.medium.nodes]
    exist = square.diagonal() > 0
    above = np.triu(exist[:, None] & exist, 1)
    generator = np.random.default_rng(seed)
    edges, others = (generator.permutation(np.argwhere(above & (square == value))) for value in (1, 0))
    counts = {
        part: min(round(share * len(edges)) or int(share > 0), len(edges) // 3) for part, share in fractions.items()
    }
    chosen: dict[str, list[np.ndarray]] = {}
    start = 0
    for part, count in counts.items():
        chosen[part] = [edges[start : start + count], others[start : start + count]]
        start += count
    hidden = np.concatenate([pairs for both in chosen.values() for pairs in both])
    base = whole.copy()
    _set(base, hidden, UNKNOWN)
    parts = {}
    for part, (joined, apart) in chosen.items():
        if len(joined):
            own = base.copy()
            _set(own, joined, EDGE)
            _set(own, apart, NO_EDGE)
            parts[part] = replace(raw, values=own)
    return replace(raw, values=base, parts=parts)


def _set(values: np.ndarray, pairs: np.ndarray, to: float) -> None:
    values[0, 0, pairs[:, 0], pairs[:, 1]] = values[0, 0, pairs[:, 1], pairs[:, 0]] = to


def _is_rows(source: Sequence[Any]) -> bool:
    """Whether nested lists are the rows of one matrix, or edges."""
    return isinstance(source[0], list | tuple) and bool(source[0]) and np.isscalar(source[0][0])


def _graphs(one: Any, options: Options, where: str) -> list[OneGraph]:
    """The graph of an object of a known kind, or the graphs of a stack of matrices."""
    if hasattr(one, "edge_index"):
        return [_from_attributes(one)]
    if is_graph(one):
        return [from_networkx(one, options.columns)]
    if hasattr(one, "tocoo"):
        entries = one.tocoo()
        return [from_square(entries.shape, np.stack([entries.row, entries.col], 1)[entries.data != 0], where)]
    return graphs_of_arrays({"adjacency": one}, where)


def _from_attributes(one: Any) -> OneGraph:
    """A graph of PyTorch Geometric, or an object with the same attributes."""
    edges = _array(one.edge_index).reshape(2, -1).T
    features = None if getattr(one, "x", None) is None else _array(one.x)
    count = len(features) if features is not None else getattr(one, "num_nodes", None)
    label = getattr(one, "y", None)
    label = None if label is None or np.size(_array(label)) != 1 else _array(label).reshape(-1)[0]
    return from_edges(edges, None if count is None else int(count), features, label=label)


def _array(values: Any) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def _encoded(found: _Found, options: Options, where: str, medium: Medium | None) -> Raw:
    """The graphs as values, all of one shape: the model's, or that of the largest graph."""
    everything = [graph for part in (found, *found.parts.values()) for graph in part.graphs]
    if not everything:
        raise DataError(f"{where} has no graphs: expected at least one.")
    if any(graph.directed for graph in everything):
        remark(f"{where} has directed edges: they are read as undirected.")
    if medium is None:
        medium = _learn(found.graphs, everything, options, where)
    elif not isinstance(medium, Graph):
        raise DataError(f"{where} has graphs, but the model was trained on {medium.kind}. Give it {medium.kind}.")
    largest = max(graph.count for graph in everything)
    if largest > medium.nodes:
        raise DataError(
            f"{where} has a graph of {largest} nodes: expected at most {medium.nodes}, as in the model's training. "
            "Give smaller graphs, or train a model on these."
        )
    if any(graph.names_of_features != medium.features for graph in everything):
        other = next(graph.names_of_features for graph in everything if graph.names_of_features != medium.features)
        raise DataError(
            f"{where} has graphs whose nodes have the features {listed(other) or 'none'}: expected "
            f"{listed(medium.features) or 'none'}. Give the same features to every node, or choose with columns=."
        )
    made = _raw(found, medium)
    return replace(made, parts={name: _raw(part, medium) for name, part in found.parts.items()})


def _learn(train: Sequence[OneGraph], everything: Sequence[OneGraph], options: Options, where: str) -> Graph:
    nodes = max(graph.count for graph in everything)
    names = train[0].names_of_features
    needed = 4 * len(everything) * nodes * (nodes + len(names))
    if needed > options.max_bytes:
        raise DataError(
            f"{where}: {len(everything)} graphs of up to {nodes} nodes need {needed:,} bytes as matrices: expected at "
            f"most max_bytes={options.max_bytes:,}. Leave out the largest graphs, or raise max_bytes."
        )
    features = np.concatenate([graph.features for graph in train if graph.names_of_features == names])
    alone = len(everything) == 1
    return Graph(
        nodes=nodes,
        features=names,
        low=tuple(features.min(0).tolist()),
        high=tuple(features.max(0).tolist()),
        names=everything[0].names if alone else (),
    )


def _raw(found: _Found, medium: Graph) -> Raw:
    labels = found.labels
    if labels is None and found.graphs and all(graph.label is not None for graph in found.graphs):
        labels = np.array([graph.label for graph in found.graphs])
    values = np.stack([medium.encode(graph.count, graph.edges, graph.features) for graph in found.graphs])
    return Raw(values, labels, names=found.names, kind="pictures", channels_first=True, medium=medium)
