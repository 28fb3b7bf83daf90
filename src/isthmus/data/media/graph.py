"""Graphs: an adjacency and the nodes' features, as one array for each graph."""

import io
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from torch import Tensor

from isthmus.data.media.medium import Medium
from isthmus.options.reading import Kind

EXISTS = 0.5
"""The least value of a node or an edge that is there."""


class Graph(Medium):
    """Undirected graphs of up to `nodes` nodes, (1, nodes, nodes + features), in 0..1.

    The diagonal of the adjacency is 1 for nodes that exist; a smaller graph is padded with 0. `isthmus.parts.graphs`
    says what values between 0 and 1 mean.

    features: the names of the nodes' features. low, high: their bounds in the training part, which become 0 and 1.
    names: the nodes' names, if all samples have the same nodes.
    """

    kind: ClassVar[str] = "graph"
    layout: ClassVar[Kind] = "pictures"
    suffixes: ClassVar[tuple[str, ...]] = (".graphml", ".edgelist")

    nodes: Annotated[int, Field(ge=1)]
    features: tuple[str, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    names: tuple[str, ...] = ()

    def encode(self, count: int, edges: np.ndarray, features: np.ndarray) -> np.ndarray:
        """A graph of `count` nodes, (E, 2) edges and (count, F) features as (1, nodes, nodes + F), float32."""
        made = np.zeros((self.nodes, self.nodes + len(self.features)), np.float32)
        made[np.arange(count), np.arange(count)] = 1
        made[edges[:, 0], edges[:, 1]] = made[edges[:, 1], edges[:, 0]] = 1
        if self.features:
            low, high = np.array(self.low), np.array(self.high)
            made[:count, self.nodes :] = (features - low) / np.where(high > low, high - low, 1)
        return made[None]

    def decode(self, sample: np.ndarray | Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A sample as the (n,) nodes that exist, (E, 2) edges between them, and their (n, F) features in raw units."""
        values = np.asarray(sample.detach().cpu() if isinstance(sample, Tensor) else sample).reshape(self.nodes, -1)
        square = values[:, : self.nodes] >= EXISTS
        exist = square.diagonal()
        edges = np.argwhere(np.triu(square, 1) & exist[:, None] & exist)
        low, high = np.array(self.low), np.array(self.high)
        return np.flatnonzero(exist), edges, values[exist, self.nodes :] * (high - low) + low

    def name(self, node: int) -> str:
        """The name of a node, or its number."""
        return self.names[node] if self.names else str(node)

    def file(self, sample: np.ndarray, suffix: str) -> bytes:
        """A graph as GraphML with its features, or as lines of two nodes each."""
        nodes, edges, features = self.decode(sample)
        if suffix == ".edgelist":
            return "".join(f"{self.name(one)}\t{self.name(other)}\n" for one, other in edges.tolist()).encode()
        import networkx  # noqa: PLC0415  # takes a moment

        graph = networkx.Graph()
        for node, own in zip(nodes.tolist(), features.tolist(), strict=True):
            graph.add_node(self.name(node), **dict(zip(self.features, own, strict=True)))
        graph.add_edges_from((self.name(one), self.name(other)) for one, other in edges.tolist())
        content = io.BytesIO()
        networkx.write_graphml_xml(graph, content)
        return content.getvalue()
