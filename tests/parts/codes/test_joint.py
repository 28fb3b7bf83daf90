"""The joint code: numbers and classes, against distributions that PyTorch has."""

import math

import pytest
import torch
from torch import distributions as dist

import isthmus as ist
from isthmus.errors import BlueprintError
from isthmus.measures import elbo, log_likelihood
from isthmus.parts import Joint, Kl, Plain, StandardNormal, UniformCategories


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def model():
    built = ist.recipe("joint-vae", code=2, categories=(3, 4), widths=[8]).build((12,), remarks=False, seed=1)
    return built.double().eval()


def drawn(model, count=5, draws=3):
    x = torch.rand(count, 12, generator=generator(), dtype=torch.float64)
    noise = model.code.draw(count, model.code_shape, generator(1), draws=draws).double()
    return model(x, {"code": noise})


def parts_of(posterior):
    """The same posterior made of PyTorch's distributions."""
    normal = dist.Normal(posterior.normal.mean, (0.5 * posterior.normal.log_variance).exp())
    return dist.Independent(normal, 1), [dist.OneHotCategorical(logits=logs) for logs in posterior.log_shares]


def test_a_code_is_the_numbers_and_then_the_classes(model):
    assert model.code_shape == (9,)
    z = model.encode(torch.rand(4, 12).double())
    shares = z[:, 2:].split((3, 4), 1)
    assert all(torch.allclose(one.sum(1), torch.ones(4).double()) for one in shares)
    assert model.code.section("numbers", (9,)) == slice(2)
    assert model.code.section("categories", (9,)) == slice(2, 9)


def test_densities_and_divergences_are_those_of_its_parts(model):
    out = drawn(model)
    z, posterior = out.code.z, out.code.distribution
    normal, classes = parts_of(posterior)
    repeated = z.view(3, 5, 9)
    wanted = normal.log_prob(repeated[..., :2]) + sum(
        one.log_prob(part) for one, part in zip(classes, repeated[..., 2:].split((3, 4), 2), strict=True)
    )
    torch.testing.assert_close(posterior.log_prob(z).view(3, 5), wanted)
    of_prior = dist.Normal(0, 1).log_prob(z[:, :2]).sum(1) - math.log(12)
    torch.testing.assert_close(model.code.prior.log_prob(z, model), of_prior)
    kl = model.code.kl(out.code)
    even = [dist.OneHotCategorical(torch.full((size,), 1 / size).double()) for size in (3, 4)]
    wanted = sum(dist.kl_divergence(one, other) for one, other in zip(classes, even, strict=True))
    torch.testing.assert_close(kl[:, 2:].sum(1), wanted)
    torch.testing.assert_close(kl[:, :2], out.code.distribution.normal.kl())
    assert (kl.detach() > -1e-12).all()


def test_after_training_classes_are_drawn_with_their_probabilities(model):
    count = 4000
    out = drawn(model, 2, count)
    chosen = out.code.z[:, 2:]
    assert set(chosen.unique().tolist()) == {0.0, 1.0}
    shares = torch.cat([logs.exp() for logs in out.code.distribution.log_shares], 1)
    error = (shares * (1 - shares) / count).sqrt()
    assert ((chosen.view(count, 2, 7).mean(0) - shares).abs() < 4.5 * error).all()


def test_in_training_classes_are_shares_with_a_gradient(model):
    model.train()
    out = drawn(model)
    shares = out.code.z[:, 2:].split((3, 4), 1)
    assert all(torch.allclose(one.sum(1), torch.ones(15).double()) for one in shares)
    assert ((out.code.z[:, 2:] > 0) & (out.code.z[:, 2:] < 1)).all()
    features = torch.randn(2, 11, generator=generator(), dtype=torch.float64, requires_grad=True)
    noise = model.code.draw(2, (9,), generator(1)).double()
    assert torch.autograd.gradcheck(lambda x: model.code(x, noise, model.code_module).z, features)


def test_a_lower_temperature_makes_shares_nearer_to_classes(model):
    features, noise = torch.zeros(50, 11), torch.randn(50, 1, 9, generator=generator())
    largest = [
        float(model.code.replace(temperature=one)(features, noise, model.code_module.train()).z[:, 2:5].amax(1).mean())
        for one in (2.0, 0.67, 0.05)
    ]
    assert largest == sorted(largest)
    assert largest[-1] > 0.95


def test_the_prior_draws_normal_numbers_and_each_class_alike(model):
    z = model.code.prior.new(6000, model, generator())
    assert z[:, :2].std().item() == pytest.approx(1, abs=0.05)
    for part, size in zip(z[:, 2:].split((3, 4), 1), (3, 4), strict=True):
        assert set(part.sum(1).tolist()) == {1.0}
        assert torch.allclose(part.mean(0), torch.full((size,), 1 / size).double(), atol=0.04)


def test_the_bound_is_below_the_likelihood():
    data = ist.open_data("digits")
    model = ist.recipe("joint-vae", code=2, categories=(3,)).build(data, remarks=False)
    few = data.test[:4]
    assert elbo(model, few).value < log_likelihood(model, few, draws=200).mean


def test_the_kl_can_be_that_of_the_numbers_or_the_classes(model):
    out = drawn(model)
    kl = model.code.kl(out.code)
    numbers, classes = (Kl(over=over)(out, model) for over in ("numbers", "categories"))
    torch.testing.assert_close(numbers, kl[:, :2].sum(1))
    torch.testing.assert_close(classes, kl[:, 2:].sum(1))
    of_both = Kl(capacity=1.0, over="categories")(out, model)
    torch.testing.assert_close(of_both, (kl[:, 2:].sum(1).mean() - 1).abs().expand(5))


def test_each_part_has_its_own_capacity():
    blueprint = ist.recipe("joint-vae", **{"kl.capacity": 7.0, "kl#2.capacity": 1.5})
    found = [penalty.capacity for penalty in blueprint.penalties if isinstance(penalty, Kl)]
    assert found == [7.0, 1.5]


def test_what_does_not_fit_is_refused():
    vae, joint = ist.recipe("vae"), ist.recipe("joint-vae")
    for blueprint, words in (
        (vae.replace(penalties=(Kl(over="categories"),)), "over='categories' is for a joint code"),
        (joint.replace(penalties=(Kl(mode="draws"),)), "no density in training"),
        (joint.replace(code=Joint(size=2, prior=StandardNormal())), "needs a prior of its classes"),
        (joint.replace(code=Joint(size=(2, 3))), "must be flat"),
        (ist.recipe("wae").replace(code=Plain(size=2, prior=UniformCategories())), "for a code with classes"),
    ):
        with pytest.raises(BlueprintError, match=words):
            blueprint.build((1, 8, 8), remarks=False)
