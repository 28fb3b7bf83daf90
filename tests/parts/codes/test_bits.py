"""Codes of bits: signs and their indices, noise, gradients, and the entropy penalty against sums over all entries."""

import math

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.parts import CodeEntropy, Dense, Hash, Lfq, Plain


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(("code", "low"), [(Lfq(length=3), -1.0), (Hash(length=3), 0.0)])
@pytest.mark.parametrize("shape", [(6,), (3, 2), (6, 2, 3)])
def test_each_number_is_its_features_sign_and_an_index_is_a_vector_of_bits(code, low, shape):
    features = torch.randn(5, *shape, generator=seeded())
    found = code(features)
    assert torch.equal(found.z, torch.where(features > 0, 1.0, low))
    assert found.indices is not None
    assert found.indices.shape == (5, *code.places(shape))
    first = (features[(0, slice(0, 3), *[0] * (len(shape) - 1))] > 0).long()
    assert int(found.indices.flatten(1)[0, 0]) == int((first * torch.tensor([1, 2, 4])).sum())
    assert torch.equal(code.from_indices(found.indices, shape, None), found.z.double())
    assert code.bits(shape) == math.prod(shape)


def test_the_sign_passes_the_gradient_and_the_commitment_pulls_features_to_their_signs():
    code = Lfq(commitment=0.5)
    features = torch.randn(3, 4, generator=seeded()).requires_grad_()
    found = code(features)
    slopes = torch.randn(3, 4, generator=seeded(1))
    assert torch.equal(torch.autograd.grad((found.z * slopes).sum(), features, retain_graph=True)[0], slopes)
    assert found.loss is not None
    torch.testing.assert_close(found.loss, 0.5 * (features - features.sign()).square().mean(1))
    (slope,) = torch.autograd.grad(found.loss.sum(), features)
    torch.testing.assert_close(slope, (features - features.sign()).detach() / 4)


def test_probabilities_of_signs_are_a_softmax_of_the_distances_to_the_entries():
    code = Lfq(length=2, temperature=0.7)
    features = torch.randn(1, 2, generator=seeded(), dtype=torch.float64)
    entries = torch.tensor([[-1, -1], [1, -1], [-1, 1], [1, 1]], dtype=torch.float64)
    expected = (-(features - entries).square().sum(1) / 0.7).softmax(0)
    torch.testing.assert_close(code(features).soft.usage(), expected)


def test_bernoulli_bits_are_as_frequent_as_their_probability_and_pass_its_gradient():
    code = Hash()
    features = torch.tensor([[-1.0, 0.0, 2.0]]).expand(20_000, -1).requires_grad_()
    found = code(features, code.draw(20_000, (3,), seeded()))
    assert set(found.z.unique().tolist()) == {0.0, 1.0}
    assert float((found.z.mean(0) - features[0].sigmoid()).detach().abs().max()) < 4 * 0.5 / math.sqrt(20_000)
    (slope,) = torch.autograd.grad(found.z.sum(), features)
    torch.testing.assert_close(slope, (features.sigmoid() * (1 - features.sigmoid())).detach())


def test_logistic_noise_is_soft_in_training_and_bits_afterwards():
    code = Hash(form="logistic", sigma=2.0)
    features, draws = torch.randn(4, 5, generator=seeded()), code.draw(4, (5,), seeded(1))
    module = code.module((5,), seeded())
    torch.testing.assert_close(code(features, draws, module.train()).z, (features + 2 * draws[:, 0]).sigmoid())
    assert torch.equal(code(features, draws, module.eval()).z, (features + 2 * draws[:, 0] > 0).float())
    assert torch.equal(code(features, None, module.train()).z, (features > 0).float())


def model(code):
    return ist.Blueprint(network=Dense(), code=code, penalties=(CodeEntropy(diversity=0.5),)).build((4,), remarks=False)


def test_the_entropy_penalty_is_the_sum_over_all_entries():
    built = model(Lfq(size=4, length=2))
    out = built(torch.rand(3, 4, generator=seeded()))
    on = out.code.soft.logits.sigmoid()
    joint = torch.stack([(1 - on[..., 0]) * (1 - on[..., 1]), on[..., 0] * (1 - on[..., 1]),
                         (1 - on[..., 0]) * on[..., 1], on[..., 0] * on[..., 1]], 2)  # fmt: skip
    certain = -(joint * joint.log()).sum(2).mean(1)
    usage = joint.flatten(0, 1).mean(0)
    expected = certain + 0.5 * (math.log(4) + (usage * usage.log()).sum())
    torch.testing.assert_close(built.objective.penalties[0](out, built), expected)


def test_an_entry_that_is_never_used_leaves_the_gradient_finite():
    built = model(Lfq(size=4, length=4))
    raw = torch.rand(3, 4, generator=seeded())
    with torch.no_grad():
        for weight in built.encoder.parameters():
            weight.mul_(1e4)
    built.loss(built(raw))[0].backward()
    assert all(weight.grad is not None and bool(weight.grad.isfinite().all()) for weight in built.encoder.parameters())


def test_codes_without_probabilities_have_no_entropy_to_penalise():
    with pytest.raises(BlueprintError, match="code-entropy needs the probabilities of a code's entries"):
        model(Plain(size=2))
    with pytest.raises(BlueprintError, match="6 bits can't be cut into vectors of length=4"):
        ist.Blueprint(network=Dense(), code=Lfq(size=6, length=4)).build((9,))
