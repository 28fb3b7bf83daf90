"""The graph convolutional network: its products, its symmetry, and its decoder."""

from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts.graphs import UNKNOWN, normalised, present, seen


def graph(count=7, own=0, seed=0):
    """(1, 1, M, M + F): a random connected graph with features."""
    adjacency = nx.to_numpy_array(nx.connected_watts_strogatz_graph(count, 4, 0.5, seed=seed)) + np.eye(count)
    features = np.random.default_rng(seed).random((count, own))
    return torch.tensor(np.concatenate([adjacency, features], 1), dtype=torch.float32)[None, None]


def reordered(x, order):
    """The same graph with its nodes in another order."""
    count = x.shape[2]
    columns = torch.cat([order, torch.arange(count, x.shape[3])])
    return x[:, :, order][..., columns]


def build(x, name="gae", **options) -> Any:
    return ist.recipe(name, **options).build(tuple(x.shape[1:]), remarks=False)


def test_the_encoder_is_two_products_with_the_normalised_adjacency():
    x = graph(own=3)
    model = build(x)
    first, second = (layer.weight.detach().T for layer in model.encoder.convolve.layers)
    spread = normalised(seen(x), present(x))[0]
    expected = spread @ (spread @ x[0, 0, :, 7:] @ first).relu() @ second
    torch.testing.assert_close(model.encode(x)[0].T, expected)


def test_a_learnt_vector_for_each_node_is_the_product_with_the_identity():
    x = graph()
    model = build(x, places=True)
    convolve, spread = model.encoder.convolve, normalised(seen(x), present(x))[0]
    expected = spread @ (spread @ torch.eye(7) @ convolve.places).relu() @ convolve.layers[0].weight.T
    torch.testing.assert_close(model.encode(x)[0].T, expected)


@pytest.mark.parametrize("own", [0, 3])
@pytest.mark.parametrize("name", ["gae", "vgae"])
def test_nodes_in_another_order_have_the_same_codes_and_the_same_loss(name, own):
    x, order = graph(own=own), torch.randperm(7, generator=torch.Generator().manual_seed(1))
    model = build(x, name)
    torch.testing.assert_close(model.encode(reordered(x, order)), model.encode(x)[..., order])
    torch.testing.assert_close(model.reconstruct(reordered(x, order)), reordered(model.reconstruct(x), order))
    torch.testing.assert_close(model.loss(model(reordered(x, order)))[0], model.loss(model(x))[0])


def test_padding_changes_no_code():
    x = graph(own=2)
    padded = torch.zeros(1, 1, 9, 11)
    padded[:, :, :7, :7], padded[:, :, :7, 9:] = x[..., :7], x[..., 7:]
    small, large = build(x), build(padded)
    large.encoder.load_state_dict(small.encoder.state_dict())
    torch.testing.assert_close(large.encode(padded)[..., :7], small.encode(x))


def test_an_edge_has_the_inner_product_as_its_logit():
    x = graph()
    model = build(x)
    z = torch.randn(1, 16, 7, generator=torch.Generator().manual_seed(0))
    made = model.decoder(z)[0, 0]
    product = z[0].T @ z[0] + model.decoder.output.bias
    above = torch.ones(7, 7, dtype=torch.bool).triu(1)
    torch.testing.assert_close(made[above], product[above])
    assert torch.equal(made, made.T)


def test_the_kl_of_vgae_is_that_of_each_nodes_normal_distribution():
    x = graph()
    model = build(x, "vgae")
    out = model(x, model.draw(1, torch.Generator().manual_seed(0)))
    posterior = out.code.distribution
    normal = torch.distributions.Normal(posterior.mean, (0.5 * posterior.log_variance).exp())
    expected = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).sum()
    assert posterior.mean.shape == (1, 16, 7)
    torch.testing.assert_close(model.loss(out)[1]["kl"], expected)


def test_the_encoder_does_not_see_hidden_pairs():
    x = graph()
    hidden, without = x.clone(), x.clone()
    one, other = (x[0, 0].triu(1) > 0).nonzero()[0].tolist()
    for made, value in ((hidden, UNKNOWN), (without, 0.0)):
        made[0, 0, one, other] = made[0, 0, other, one] = value
    model = build(x)
    assert torch.equal(model.encode(hidden), model.encode(without))
    assert not torch.equal(model.encode(x), model.encode(without))


def test_one_code_for_the_whole_graph_is_the_mean_of_its_nodes():
    x = graph(own=3)
    flat, nodes = build(x, code=4), build(x)
    nodes.encoder.convolve.load_state_dict(flat.encoder.convolve.state_dict())
    torch.testing.assert_close(flat.encode(x), flat.encoder.code(nodes.encode(x).mean(2)))


def test_a_code_of_other_nodes_is_refused():
    with pytest.raises(BlueprintError, match="a column for each node"):
        build(graph(), code=(4, 5))


def test_pictures_are_refused():
    with pytest.raises(BlueprintError, match="kind='graph'"):
        ist.recipe("gae").build((3, 8, 8))
