"""The graph convolutional network: each node's vector is made from its own and its neighbours'."""

import math
from typing import Annotated, Literal, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from isthmus.errors import BlueprintError
from isthmus.parts.data_spec import DataSpec
from isthmus.parts.distances import Distance
from isthmus.parts.graphs import check_graph, features, mirrored, normalised, present, seen
from isthmus.parts.layers import ACTIVATIONS, Activation, Chain, initialise
from isthmus.parts.networks.maps import expand_layer
from isthmus.parts.networks.network import Network
from isthmus.parts.part import Shape


class GraphConv(Network):
    r"""Graph convolutions :math:`H' = \sigma(\hat A H W)`, and a decoder that joins nodes by their inner products.

    :math:`\hat A = D^{-1/2} (A + I) D^{-1/2}` is the normalised adjacency. The code keeps a vector for each node,
    (code_channels, M). If nodes come in another order, so do their vectors. The logit of an edge is
    :math:`z_i^\top z_j + b`; linear layers make each node's features, and whether it exists.

    If you set the size of the code, it is one vector for the whole graph: the mean of its nodes', from which a linear
    layer makes the nodes' vectors. This is for graphs whose nodes correspond, because it depends on their order.

    widths: of the hidden layers. code_channels: the latent dimensions of each node. activation: of the hidden layers.
    places: whether nodes without features get a learnt vector each, as in the paper. This is for one graph, or for
        graphs of the same nodes; otherwise the nodes' degrees are their features. "auto" is decided from the data:
        whether there is one training graph.

    Source: Kipf & Welling, Variational graph auto-encoders, NeurIPS workshop (2016).
    """

    widths: tuple[Annotated[int, Field(ge=1)], ...] = (32,)
    code_channels: Annotated[int, Field(ge=1)] = 16
    activation: Activation = "relu"
    places: bool | Literal["auto"] = "auto"

    def resolve(self, spec: DataSpec) -> Self:
        """The same network with `places` decided from the number of training graphs."""
        return self.replace(places=spec.rows == 1) if self.places == "auto" else self

    def check(self, shape: Shape) -> None:
        """Raise BlueprintError unless the samples are graphs."""
        check_graph(self.kind, shape)

    def natural_code(self, shape: Shape) -> Shape:
        """(code_channels, M)."""
        return (self.code_channels, shape[1])

    def encoder(self, shape: Shape, features: Shape, generator: torch.Generator) -> Chain:
        """(N, 1, M, M + F) to (N, *features): convolve, and code if its size is set."""
        self.check(shape)
        flat = len(features) == 1
        if not flat and features[1:] != (shape[1],):
            raise BlueprintError(
                f"A graph-conv network makes a code of shape (numbers, {shape[1]}), a column for each node, but the "
                f"code has shape {features}. Set code_channels=, or a single number for one code a graph."
            )
        last = self.code_channels if flat else features[0]
        places = self.places is True and shape[2] == shape[1]
        layers: dict[str, nn.Module] = {
            "convolve": Convolve(shape, (*self.widths, last), self.activation, generator, places=places, mean=flat)
        }
        if flat:
            layers["code"] = _linear(last, features[0], generator)
        return Chain(layers)

    def decoder(self, code: Shape, shape: Shape, generator: torch.Generator) -> Chain:
        """(N, *code) to (N, 1, M, M + F) logits: expand (for a flat code), output."""
        self.check(shape)
        layers: dict[str, nn.Module] = {}
        if len(code) == 1:
            natural = self.natural_code(shape)
            layers["expand"], code = expand_layer(code[0], natural, "identity", generator), natural
        return Chain(layers | {"output": InnerProduct(code[0], shape[2] - shape[1], generator)})

    def start_at(self, sample: Tensor, decoder: Chain, distance: Distance) -> None:
        """Let the decoder start at the mean of edges, features and existing nodes, whichever the node."""
        start = distance.start(sample).flatten(0, -3)[0]
        count, output = start.shape[0], decoder.output
        assert isinstance(output, InnerProduct)
        with torch.no_grad():
            if count > 1:
                output.bias.fill_(start[:, :count][torch.ones(count, count, dtype=torch.bool).triu(1)].mean())
            output.exists.bias.fill_(start.diagonal().mean())
            output.exists.weight.zero_()
            if output.features is not None:
                output.features.bias.copy_(start[:, count:].mean(0))
                output.features.weight.zero_()


class Convolve(nn.Module):
    """The encoder: (N, 1, M, M + F) to the nodes' vectors, (N, last width, M), or to their mean, (N, last width).

    places: whether the input of each node is a learnt vector; otherwise it is its features, or, if it has none, 1 and
    the logarithm of one more than its degree.
    """

    def __init__(
        self,
        shape: Shape,
        widths: tuple[int, ...],
        activation: Activation,
        generator: torch.Generator,
        *,
        places: bool,
        mean: bool,
    ) -> None:
        super().__init__()
        self.mean, self.activation = mean, ACTIVATIONS[activation]()
        self.places: nn.Parameter | None = None
        first = shape[2] - shape[1] or 2
        if places:
            # the paper's input is the identity, so that its product with the first weights is the weights
            bound = math.sqrt(6 / (shape[1] + widths[0]))
            self.places = nn.Parameter(torch.empty(shape[1], widths[0]).uniform_(-bound, bound, generator=generator))
        sizes = list(zip((first, *widths), widths, strict=False))[1 if places else 0 :]
        self.layers = nn.ModuleList(_linear(before, after, generator, bias=False) for before, after in sizes)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        exist, edges = present(x), seen(x)
        spread = normalised(edges, exist)
        nodes = features(x)
        if self.places is not None:
            nodes = spread @ self.places
        elif not nodes.shape[2]:
            nodes = torch.stack([exist, edges.sum(2).log1p()], 2)
        for place, layer in enumerate(self.layers):
            if place or self.places is not None:
                nodes = self.activation(nodes)
            nodes = spread @ layer(nodes)
        if self.mean:
            return nodes.sum(1) / exist.sum(1, keepdim=True).clamp(min=1)
        return nodes.transpose(1, 2)


class InnerProduct(nn.Module):
    """The decoder: the nodes' vectors (N, D, M) to logits (N, 1, M, M + F) of edges and features.

    The diagonal has the logits of the nodes' existence.
    """

    def __init__(self, size: int, count: int, generator: torch.Generator) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(()))
        self.exists = _linear(size, 1, generator)
        self.features = _linear(size, count, generator) if count else None

    def forward(self, z: Tensor) -> Tensor:
        """See the class."""
        nodes = z.transpose(1, 2)
        made = mirrored(nodes @ z + self.bias) + torch.diag_embed(self.exists(nodes)[..., 0])
        return (made if self.features is None else torch.cat([made, self.features(nodes)], 2))[:, None]


def _linear(before: int, after: int, generator: torch.Generator, *, bias: bool = True) -> nn.Linear:
    return initialise(nn.Linear(before, after, bias=bias), "identity", generator)
