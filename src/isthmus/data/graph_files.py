"""Files of graphs: GraphML, GML, lines of edges, and matrices in `.npz` and `.npy`."""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from isthmus.data.entries import Entry, UnreadableError, suffix_of
from isthmus.data.one_graph import OneGraph, from_edges, from_networkx, from_square
from isthmus.data.windows import Window

LINES = (".edgelist", ".edges", ".txt", ".csv", ".tsv")
ADJACENCY, EDGES = ("adjacency", "adj", "a", "x_adjacency", "values", "data"), ("edge_index", "edges")
FEATURES, LABELS = ("features", "attributes", "x"), ("labels", "label", "y")
_SPARSE = {"indices", "indptr", "shape", "data"}


def graphs_of_entry(entry: Entry, columns: Sequence[str], max_bytes: int) -> Iterator[Window]:
    """The graphs of one file, each with its place, "" for the only one.

    Raises:
        UnreadableError: it isn't what its suffix says, or has no graph.
    """
    with entry.open() as file:
        content = file.read()
    suffix = suffix_of(entry.name)
    try:
        if suffix in (".npz", ".npy"):
            graphs = graphs_of_arrays(_arrays(content, suffix, max_bytes), entry.name)
        elif suffix in LINES:
            graphs = [_of_lines(content, entry.name)]
        else:
            graphs = [from_networkx(_parsed(content, suffix), columns)]
    except UnreadableError:
        raise
    except Exception as error:  # the parsers of XML, GML and zips raise errors of every kind
        said = " ".join(str(error).split())[:100]
        raise UnreadableError(f"{entry.name} is damaged or has the wrong suffix ({said}).") from error
    for place, graph in enumerate(graphs):
        yield graph, str(place) if len(graphs) > 1 else ""


def graphs_of_arrays(arrays: Mapping[str, Any], where: str) -> list[OneGraph]:
    """The graphs in named arrays: an adjacency, or edges, and maybe the nodes' features and labels.

    The adjacency is (M, M) of one graph or (N, M, M) of several. Edges are (2, E) or (E, 2). The parts of a sparse
    matrix, as SciPy saves it, are an adjacency too.

    Raises:
        UnreadableError: there is no adjacency and there are no edges, or their shape is wrong.
    """
    given = {name.lower(): values for name, values in arrays.items()}
    if set(given) >= _SPARSE:
        given = {"adjacency": _unpacked(given)} | {name: v for name, v in given.items() if name not in _SPARSE}
    adjacency = _first(given, ADJACENCY)
    edges = _first(given, EDGES)
    names = FEATURES
    if adjacency is None and edges is None and (adjacency := _first(given, ("x",))) is not None:
        names = FEATURES[:-1]
    features, labels = _first(given, names), _first(given, LABELS)
    if edges is None and adjacency is not None and adjacency.ndim == 2 and _are_edges(adjacency):
        edges = adjacency
    if edges is not None:
        pairs = edges.T if edges.ndim == 2 and edges.shape[0] == 2 and edges.shape[1] != 2 else edges
        return [from_edges(pairs, None if features is None else len(features), features)]
    if adjacency is None or adjacency.ndim not in (2, 3) or adjacency.dtype.kind not in "biuf":
        shape = None if adjacency is None else adjacency.shape
        raise UnreadableError(
            f"{where} has no graph (adjacency: {shape}): expected an array 'adjacency' of shape (nodes, nodes) or "
            "(graphs, nodes, nodes), or 'edge_index' of shape (2, edges)."
        )
    stack = adjacency if adjacency.ndim == 3 else adjacency[None]
    own = [None] * len(stack) if features is None else features if adjacency.ndim == 3 else [features]
    classes = [None] * len(stack) if labels is None or len(labels) != len(stack) else labels.tolist()
    return [
        from_square(one.shape, np.argwhere(one), where, *more) for one, *more in zip(stack, own, classes, strict=True)
    ]


def _first(given: Mapping[str, Any], names: Sequence[str]) -> np.ndarray | None:
    found = next((given[name] for name in names if name in given), None)
    return None if found is None else found.detach().cpu().numpy() if isinstance(found, Tensor) else np.asarray(found)


def _are_edges(values: np.ndarray) -> bool:
    """Whether a matrix is (E, 2) or (2, E) edges rather than an adjacency."""
    return values.dtype.kind in "iu" and 2 in values.shape and values.shape[0] != values.shape[1]


def _unpacked(parts: Mapping[str, Any]) -> np.ndarray:
    from scipy import sparse  # noqa: PLC0415  # a part of SciPy that others don't need

    shape = tuple(np.asarray(parts["shape"]).tolist())
    made = sparse.csr_matrix((parts["data"], parts["indices"], parts["indptr"]), shape)
    return made.toarray() != 0


def _arrays(content: bytes, suffix: str, max_bytes: int) -> Mapping[str, np.ndarray]:
    if suffix == ".npy":
        return {"adjacency": np.load(io.BytesIO(content), allow_pickle=False)}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > max(max_bytes, len(content)):
        raise UnreadableError(f"It unpacks to {size} bytes: expected at most max_bytes={max_bytes}.")
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def _of_lines(content: bytes, name: str) -> OneGraph:
    """A graph of lines of two nodes each; further columns, such as a weight, are ignored."""
    places: dict[str, int] = {}
    edges = []
    for number, line in enumerate(content.decode("utf-8-sig").splitlines(), start=1):
        words = re.split(r"[,;\t]\s*|\s+", line.strip())
        if not line.strip() or line.lstrip()[0] in "#%":
            continue
        if len(words) < 2:
            raise UnreadableError(f"{name}: line {number} has one word: expected two nodes.")
        edges.append([places.setdefault(word, len(places)) for word in words[:2]])
    if not edges:
        raise UnreadableError(f"{name} has no edges: expected lines of two nodes.")
    return from_edges(np.array(edges, np.int64), len(places), names=tuple(places))


def _parsed(content: bytes, suffix: str) -> Any:
    import networkx  # noqa: PLC0415  # takes a moment

    if suffix == ".graphml":
        return networkx.read_graphml(io.BytesIO(content))
    try:
        return networkx.read_gml(io.BytesIO(content))
    except networkx.NetworkXError:  # nodes without labels
        return networkx.read_gml(io.BytesIO(content), label="id")
