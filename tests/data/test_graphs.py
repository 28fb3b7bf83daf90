"""Graphs: from every source to the same samples, and a single graph divided by its edges."""

import types
from typing import Any, cast

import networkx as nx
import numpy as np
import pytest
import torch
from scipy import sparse

import isthmus as ist
from isthmus.data import reopen
from isthmus.data.media import Graph
from isthmus.errors import DataError, Remark
from isthmus.parts.graphs import pairs, seen

KARATE = nx.karate_club_graph()


def adjacency(graph=KARATE):
    return (nx.to_numpy_array(graph) > 0).astype(np.float32)


def whole(source, **options):
    """The adjacency of the only graph of a source, without its diagonal."""
    samples = ist.read_samples(source, **options)
    square = samples.tensor()[0, 0, :, : samples.shape[1]]
    return (square - torch.diag(square.diagonal())).numpy()


def as_geometric():
    edges = torch.tensor(np.argwhere(adjacency())).T
    return types.SimpleNamespace(edge_index=edges, x=torch.ones(34, 2), num_nodes=34, y=None)


SOURCES = {
    "name": ("karate-club", {}),
    "networkx": (KARATE, {}),
    "matrix": (adjacency(), {"kind": "graph"}),
    "sparse": (sparse.csr_matrix(adjacency()), {"kind": "graph"}),
    "edges": (np.array(KARATE.edges()), {"kind": "graph"}),
    "mapping": ({"edge_index": np.array(KARATE.edges()).T}, {"kind": "graph"}),
    "geometric": (as_geometric(), {}),
}


@pytest.mark.parametrize("way", SOURCES)
def test_a_graph_in_memory_is_read_in_every_form(way):
    source, options = SOURCES[way]
    assert np.array_equal(whole(source, **options), adjacency())


def write(path):
    if path.suffix == ".graphml":
        nx.write_graphml(KARATE, path)
    elif path.suffix == ".gml":
        nx.write_gml(KARATE, path)
    elif path.suffix == ".npz":
        sparse.save_npz(path, sparse.csr_matrix(adjacency()))
    elif path.suffix == ".npy":
        np.save(path, adjacency())
    else:
        lines = [f"{one}{',' if path.suffix == '.csv' else ' '}{other}" for one, other in KARATE.edges()]
        path.write_text("# two nodes\n" + "\n".join(lines))
    return path


@pytest.mark.parametrize("suffix", [".graphml", ".gml", ".edgelist", ".edges", ".npz", ".npy", ".csv", ".txt"])
def test_a_graph_is_read_from_files_of_every_type(suffix, tmp_path):
    options = {"kind": "graph"} if suffix in (".npz", ".npy", ".csv", ".txt") else {}
    found = whole(write(tmp_path / f"graph{suffix}"), **options)
    assert sorted(found.sum(1)) == sorted(adjacency().sum(1))
    assert np.array_equal(found, found.T)


@pytest.mark.parametrize("suffix", [".graphml", ".edgelist"])
def test_a_graph_that_was_written_is_read_again(suffix):
    medium: Any = ist.open_data("florentine-families").medium
    samples = ist.read_samples("florentine-families")
    content = medium.file(samples.tensor()[0].numpy(), suffix)
    assert b"Medici" in content
    assert content.count(b"<edge " if suffix == ".graphml" else b"\n") == 20


def test_graphs_of_several_sizes_are_padded_and_their_features_lie_in_0_to_1():
    graphs = [nx.path_graph(count) for count in (3, 5, 4)]
    for graph in graphs:
        nx.set_node_attributes(graph, {node: 10.0 * node for node in graph}, "place")
        nx.set_node_attributes(graph, dict.fromkeys(graph, "a"), "text")
    data = ist.open_data(graphs, validation=0, test=0, labels=["a", "b", "a"])
    values = data.train.tensor()
    assert data.shape == (1, 5, 6)
    assert values[:, 0].diagonal(dim1=1, dim2=2).sum(1).tolist() == [3, 5, 4]
    assert values[1, 0, :, 5].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert not values[0, 0, 3:].any()
    labels, medium = cast(Any, (data.train.labels, data.medium))
    assert labels.tolist() == [0, 1, 0]
    assert medium.decode(values[1])[2].ravel().tolist() == [0, 10, 20, 30, 40]


def test_a_stack_of_matrices_is_several_graphs():
    stack = np.stack([adjacency(nx.cycle_graph(6))] * 4)
    features = np.arange(48.0).reshape(4, 6, 2)
    data = ist.open_data({"adjacency": stack, "features": features, "y": [0, 1, 0, 1]}, kind="graph")
    assert len(data) == 4
    assert data.shape == (1, 6, 8)
    assert data.label_names == ("0", "1")


def test_a_folder_of_files_is_a_graph_each_with_its_folder_as_label(tmp_path):
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for count in (3, 4):
            nx.write_graphml(nx.path_graph(count), tmp_path / label / f"{count}.graphml")
    data = ist.open_data(tmp_path)
    assert len(data) == 4
    assert data.label_names == ("a", "b")


def test_one_graph_is_divided_by_its_edges():
    data = ist.open_data("karate-club", validation=0.05, test=0.1)
    parts = {name: part.tensor() for name, part in data.parts.items()}
    assert {name: (len(part), int(pairs(part).counted.sum())) for name, part in parts.items()} == {
        "train": (1, 34 * 33 // 2 - 2 * (4 + 8)),
        "validation": (1, 2 * 4),
        "test": (1, 2 * 8),
    }
    train, validation, test = parts.values()
    assert torch.equal(seen(train), seen(validation))
    assert torch.equal(seen(train), seen(test))
    assert int(seen(train).sum()) == 2 * (78 - 4 - 8)
    for one, other in ((train, validation), (train, test), (validation, test)):
        assert not bool((pairs(one).counted & pairs(other).counted).any())
    for part in (validation, test):
        found = pairs(part)
        assert int((found.counted & (found.edges > 0)).sum()) == int(found.counted.sum()) // 2


def test_a_graph_is_opened_again_with_the_same_edges_held_out():
    data = ist.open_data("karate-club", test=0.2, validation=0, seed=3)
    again = reopen(data.description)
    assert torch.equal(again.train.tensor(), data.train.tensor())
    assert torch.equal(again.test.tensor(), data.test.tensor())
    assert not len(again.validation)
    assert not torch.equal(ist.open_data("karate-club", test=0.2, validation=0).test.tensor(), data.test.tensor())


def test_smaller_graphs_are_padded_for_a_model():
    like = ist.open_data("karate-club").description
    assert ist.read_samples(nx.path_graph(4), like=like).shape == (1, 34, 34)
    with pytest.raises(DataError, match="at most 34"):
        ist.read_samples(nx.path_graph(40), like=like)
    featured = nx.path_graph(4)
    nx.set_node_attributes(featured, dict.fromkeys(featured, 1.0), "place")
    with pytest.raises(DataError, match="have the features place: expected none"):
        ist.read_samples(featured, like=like)


def test_directions_are_left_out_with_a_remark():
    with pytest.warns(Remark, match="undirected"):
        found = whole(nx.DiGraph([(0, 1), (2, 1)]))
    assert np.array_equal(found, found.T)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (np.zeros((3, 4), np.float32), "is no adjacency"),
        (nx.Graph(), "no nodes"),
        ({"edge_index": np.array([[0, 9], [1, 2]]), "features": np.ones((3, 1))}, "expected 0 to 2"),
        ({"adjacency": np.eye(3), "features": np.ones((2, 1))}, "2 nodes for 3"),
        ({"other": np.eye(3)}, "has no graph"),
        (types.SimpleNamespace(edge_index=np.array([[0.5], [1.0]])), "pairs of whole numbers"),
    ],
)
def test_what_is_no_graph_is_refused(source, said):
    with pytest.raises(DataError, match=said):
        ist.open_data(source, kind="graph")


@pytest.mark.parametrize(("name", "content"), [("a.graphml", "<graphml"), ("a.gml", "graph ["), ("a.edgelist", "one")])
def test_a_damaged_file_is_an_error_of_one_line(name, content, tmp_path):
    (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=name) as error:
        ist.open_data(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_matrix_is_a_table_unless_it_is_called_a_graph():
    assert ist.read_samples(adjacency()).kind == "table"
    assert isinstance(ist.read_samples(adjacency(), kind="graph").medium, Graph)
