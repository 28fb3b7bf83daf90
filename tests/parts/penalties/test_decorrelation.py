"""The decorrelation penalty against NumPy's correlations, and at its limits."""

import numpy as np
import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import Decorrelation, Dense, Plain
from isthmus.parts.penalties.decorrelation import squared_correlation


def drawn(count: int, size: int) -> torch.Tensor:
    mixed = np.random.default_rng(0).normal(size=(count, size)) @ np.random.default_rng(1).normal(size=(size, size))
    return torch.from_numpy(mixed)


def test_it_is_the_mean_square_of_numpys_correlations():
    activations = drawn(50, 5)
    correlations = np.corrcoef(activations.numpy().T)
    expected = np.mean(correlations[~np.eye(5, dtype=bool)] ** 2)
    assert float(squared_correlation(activations)) == pytest.approx(expected, rel=1e-9)


def test_neither_scale_nor_place_of_a_number_matters():
    activations = drawn(50, 4)
    moved = activations * torch.tensor([1e-2, 3.0, -7.0, 0.5]) + torch.tensor([5.0, -1.0, 0.0, 2.0])
    assert float(squared_correlation(moved)) == pytest.approx(float(squared_correlation(activations)), rel=1e-6)


def test_copies_cost_one_and_principal_components_nothing():
    one = drawn(50, 1)
    assert float(squared_correlation(torch.cat([one, -2 * one], 1))) == pytest.approx(1, rel=1e-6)
    centred = drawn(50, 4) - drawn(50, 4).mean(0)
    components = centred @ torch.linalg.svd(centred, full_matrices=False)[2].T
    assert float(squared_correlation(components)) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("activations", [drawn(1, 3), drawn(20, 1), torch.ones(20, 3, dtype=torch.float64)])
def test_where_there_is_no_correlation_it_is_zero_and_so_is_its_gradient(activations):
    activations = activations.requires_grad_()
    found = squared_correlation(activations)
    found.backward()
    assert float(found.detach()) == pytest.approx(0, abs=1e-12)
    assert activations.grad is not None
    assert not activations.grad.any()


def test_gradient_agrees_with_finite_differences():
    assert torch.autograd.gradcheck(squared_correlation, drawn(6, 3).requires_grad_())


def test_any_named_layer_can_be_asked_for_and_another_is_refused():
    network = Dense(widths=(7,))
    model = ist.Blueprint(network=network, code=Plain(size=2), penalties=(Decorrelation(layer="encoder.dense1"),))
    seen = model.build((5,))(torch.rand(9, 5))
    other = model.build((5,))
    found = other.objective.terms(seen, other)["decorrelation"]
    torch.testing.assert_close(found, squared_correlation(seen.layers["encoder.dense1"]).expand(9))
    with pytest.raises(BlueprintError, match=r"no layer 'encoder\.dense9'"):
        model.replace(penalties=(Decorrelation(layer="encoder.dense9"),)).build((5,))
