"""Distances against closed forms, float64 NumPy, and torch.distributions."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from isthmus.errors import BlueprintError
from isthmus.parts import L1, Bce, DataSpec, Distance, Gaussian, Mse, Psnr, Sse

UNIT, UNBOUNDED = DataSpec(range=(0.0, 1.0)), DataSpec()
KINDS = [Mse(), Sse(), L1(), Psnr(), Bce(), Gaussian(), Gaussian(scale=0.3)]
ALL = (
    [distance.resolve(UNIT) for distance in KINDS]
    + [L1(link="sigmoid")]
    + [distance.resolve(UNBOUNDED) for distance in KINDS if not isinstance(distance, Bce)]
)


def in_numpy(distance: Distance, output: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The same figures, written a second time, in float64."""
    output, target = output.reshape(len(output), -1), target.reshape(len(target), -1)
    if isinstance(distance, Bce):
        log_one, log_zero = -np.logaddexp(0, -output), -np.logaddexp(0, output)
        return -(target * log_one + (1 - target) * log_zero).sum(1)
    made = np.exp(-np.logaddexp(0, -output)) if distance.link == "sigmoid" else output
    error = made - target
    match distance:
        case Psnr():
            return 10 * np.log10(1 + 1e6 * np.mean(error**2, axis=1))
        case Mse():
            return np.mean(error**2, axis=1)
        case Sse():
            return np.sum(error**2, axis=1)
        case L1():
            return np.mean(np.abs(error), axis=1)
        case Gaussian(scale=float(scale)):
            density = np.exp(-(error**2) / (2 * scale**2)) / (scale * math.sqrt(2 * math.pi))
            return -np.log(density).sum(1)
    raise AssertionError(distance)


def drawn(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    output = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return output, torch.rand(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("distance", ALL, ids=str)
@pytest.mark.parametrize("shape", [(5, 7), (3, 2, 4, 5), (1, 1), (4, 1, 6)])
def test_distance_equals_a_second_implementation(distance, shape):
    output, target = drawn(*shape)
    assert np.allclose(distance(output, target).numpy(), in_numpy(distance, output.numpy(), target.numpy()), rtol=1e-12)


@pytest.mark.parametrize("distance", ALL, ids=str)
def test_single_precision_agrees_with_double(distance):
    output, target = drawn(16, 784)
    exact = in_numpy(distance, output.numpy(), target.numpy())
    assert np.allclose(distance(output.float(), target.float()).numpy(), exact, rtol=2e-6)


def test_squared_and_absolute_errors_are_what_they_are_by_hand():
    output, target = torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[1.0, 0.0, 5.0]])
    assert Sse(link="identity")(output, target).tolist() == [5.0]
    assert Mse(link="identity")(output, target).tolist() == pytest.approx([5 / 3])
    assert L1(link="identity")(output, target).tolist() == [1.0]


def test_decibels_fall_by_ten_as_the_squared_error_falls_to_a_tenth():
    target = torch.zeros(3, 50, dtype=torch.float64)
    found = Psnr(link="identity")(torch.tensor([1.0, 0.1**0.5, 0.0])[:, None].expand(3, 50).double(), target)
    assert found.tolist() == pytest.approx([60, 50, 0], abs=1e-4)


def test_what_is_right_already_pulls_no_less_than_what_is_far_off_until_bytes_round_it():
    output = torch.tensor([[0.5], [0.05], [1e-4]], dtype=torch.float64, requires_grad=True)
    Psnr(link="identity")(output, torch.zeros_like(output)).sum().backward()
    assert output.grad is not None
    relative = (output.grad * output.detach())[:, 0]  # decibels for each e-fold of the error
    assert relative.tolist() == pytest.approx([20 / math.log(10), 20 / math.log(10), 0], rel=0.01, abs=0.1)


@pytest.mark.parametrize("scale", [0.05, 0.3, 1.0, 7.0])
def test_gaussian_is_the_negative_log_density_of_torch_distributions(scale):
    output, target = drawn(6, 2, 3)
    expected = -torch.distributions.Normal(output, scale).log_prob(target).sum((1, 2))
    assert torch.allclose(Gaussian(scale=scale, link="identity")(output, target), expected, rtol=1e-12)


def test_bce_is_the_negative_log_likelihood_of_torch_distributions_where_data_are_bits():
    logits, target = drawn(6, 10)
    bits = (target > 0.5).double()
    expected = -torch.distributions.Bernoulli(logits=logits).log_prob(bits).sum(1)
    assert torch.allclose(Bce()(logits, bits), expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bce_stays_exact_at_extreme_logits(dtype):
    logits = torch.tensor([[100.0], [-100.0], [100.0], [-100.0], [1000.0]], dtype=dtype)
    target = torch.tensor([[1.0], [0.0], [0.0], [1.0], [0.25]], dtype=dtype)
    found = Bce()(logits, target)
    assert found[:2].abs().max() < 1e-40
    assert found[2:].tolist() == [100.0, 100.0, 750.0]


def test_bce_gradient_at_extreme_logits_is_finite_and_right():
    logits = torch.tensor([[100.0, -100.0, 0.0]], requires_grad=True)
    target = torch.tensor([[0.0, 1.0, 0.25]])
    Bce()(logits, target).sum().backward()
    assert logits.grad is not None
    assert logits.grad.tolist() == [[1.0, -1.0, 0.25]]


@given(st.floats(0.01, 0.99))
def test_bce_is_least_where_the_picture_equals_the_target(grey):
    target = torch.tensor([[grey]], dtype=torch.float64)
    best = torch.logit(target)
    entropy = -(grey * math.log(grey) + (1 - grey) * math.log(1 - grey))
    assert float(Bce()(best, target)) == pytest.approx(entropy, rel=1e-9)
    assert float(Bce()(best + 0.1, target)) > entropy
    assert float(Bce()(best - 0.1, target)) > entropy


values = arrays(np.float64, (2, 3), elements=st.floats(-30, 30))


@pytest.mark.parametrize("distance", [Mse, Sse, L1, Psnr])
@given(output=values, target=values)
def test_errors_are_never_negative_and_zero_only_at_equality(distance, output, target):
    found = distance(link="identity")(torch.from_numpy(output), torch.from_numpy(target))
    assert (found >= 0).all()
    error = np.abs(output - target).max(1)
    assert (found.numpy()[error > 1e-100] > 0).all()  # the square of a smaller one is no number any more
    assert not found.numpy()[error == 0].any()


@pytest.mark.parametrize("distance", [Mse, Sse, L1, Psnr])
@given(target=values)
def test_distance_of_anything_to_itself_is_zero(distance, target):
    same = torch.from_numpy(target)
    assert not distance(link="identity")(same, same).any()


@given(output=values, target=arrays(np.float64, (2, 3), elements=st.floats(0, 1)))
def test_bce_is_never_negative(output, target):
    assert (Bce()(torch.from_numpy(output), torch.from_numpy(target)) >= 0).all()


@given(target=values, shift=st.floats(1e-3, 10), scale=st.floats(0.01, 10))
def test_gaussian_is_least_at_equality(target, shift, scale):
    distance, same = Gaussian(scale=scale, link="identity"), torch.from_numpy(target)
    least = 3 * (math.log(scale) + 0.5 * math.log(2 * math.pi))
    assert distance(same, same).tolist() == pytest.approx([least] * 2)
    assert (distance(same + shift, same) > distance(same, same)).all()


@pytest.mark.parametrize("distance", ALL, ids=str)
@given(seed=st.integers(0, 2**31))
@settings(max_examples=5)
def test_gradient_equals_finite_differences(distance, seed):
    output, target = drawn(2, 5, seed=seed)
    assert torch.autograd.gradcheck(lambda o: distance(o, target), output.requires_grad_(), atol=1e-6)


@pytest.mark.parametrize("distance", ALL, ids=str)
def test_each_sample_has_its_own_figure(distance):
    output, target = drawn(4, 6)
    together = distance(output, target)
    assert together.shape == (4,)
    for index in range(4):
        alone = distance(output[index : index + 1], target[index : index + 1])
        assert torch.allclose(alone, together[index : index + 1], rtol=1e-12)


@pytest.mark.parametrize("distance", ALL, ids=str)
@pytest.mark.parametrize("target", [(1, 4), (3, 1), (3, 4, 1), (4,)])
def test_shapes_that_would_broadcast_are_refused(distance, target):
    with pytest.raises(ValueError, match=r"output has shape \(3, 4\).*target"):
        distance(torch.zeros(3, 4), torch.zeros(target))


@pytest.mark.parametrize("kind", [Mse, Sse, Gaussian])
@pytest.mark.parametrize(
    ("data", "link"),
    [
        ((0.0, 1.0), "sigmoid"),
        ((0.2, 0.7), "sigmoid"),
        ((-1.0, 1.0), "identity"),
        ((0, 255), "identity"),
        (None, "identity"),
    ],
)
def test_link_is_settled_by_the_range_of_the_data(kind, data, link):
    assert kind().resolve(DataSpec(range=data)) == kind(link=link)


def test_a_link_that_was_chosen_stays():
    assert Mse(link="identity").resolve(UNIT) == Mse(link="identity")
    assert Mse(link="sigmoid").resolve(UNIT) == Mse(link="sigmoid")


@pytest.mark.parametrize("data", [(0.0, 1.0), None, (-1.0, 1.0)])
def test_absolute_error_settles_for_the_identity(data):
    assert L1().resolve(DataSpec(range=data)) == L1(link="identity")


def test_absolute_error_with_a_sigmoid_is_for_who_asks():
    assert L1(link="sigmoid").resolve(UNIT) == L1(link="sigmoid")
    with pytest.raises(BlueprintError, match="unbounded"):
        L1(link="sigmoid").resolve(UNBOUNDED)


def test_settling_keeps_the_other_fields():
    assert Gaussian(scale=0.5).resolve(UNIT) == Gaussian(scale=0.5, link="sigmoid")


@pytest.mark.parametrize("distance", [Mse(link="sigmoid"), Bce(), Bce(link="auto")], ids=str)
@pytest.mark.parametrize(
    ("data", "words"), [(None, "unbounded"), ((-1.0, 1.0), "in -1..1"), ((0.0, 255.0), "in 0..255")]
)
def test_a_sigmoid_output_is_refused_for_data_that_it_cannot_reach(distance, data, words):
    with pytest.raises(BlueprintError) as caught:
        distance.resolve(DataSpec(range=data))
    message = str(caught.value)
    assert words in message
    assert "scaling='minmax'" in message
    assert "\n" not in message


def test_what_bce_offers_instead_is_something_that_it_takes():
    with pytest.raises(BlueprintError, match="another distance") as caught:
        Bce().resolve(UNBOUNDED)
    assert "identity" not in str(caught.value)
    with pytest.raises(BlueprintError, match="link"):
        Bce.from_json({"kind": "bce", "link": "identity"})


def test_bce_with_an_automatic_link_is_a_sigmoid_whatever_the_data():
    assert Bce(link="auto").resolve(UNIT) == Bce()
    with pytest.raises(BlueprintError, match=r"0\.\.1"):
        Bce(link="auto").resolve(UNBOUNDED)


@pytest.mark.parametrize("distance", ALL, ids=str)
def test_picture_takes_the_output_into_the_data_space(distance):
    output = torch.linspace(-20, 20, 41)[None]
    picture = distance.picture(output)
    expected = 1 / (1 + torch.exp(-output.double())) if distance.link == "sigmoid" else output.double()
    assert torch.allclose(picture.double(), expected, atol=1e-7)


@pytest.mark.parametrize("distance", ALL, ids=str)
def test_output_is_the_inverse_of_picture(distance):
    picture = torch.linspace(0.01, 0.99, 30)
    assert torch.allclose(distance.picture(distance.output(picture)), picture, atol=1e-6)


def test_output_of_black_and_white_is_finite():
    assert torch.isfinite(Bce().output(torch.tensor([0.0, 1.0]))).all()


def test_likelihoods_say_so():
    assert [kind.likelihood for kind in (Mse, Sse, L1, Psnr, Bce, Gaussian)] == [False] * 4 + [True] * 2
    assert all(distance.unit for distance in KINDS)


@pytest.mark.parametrize("distance", ALL, ids=str)
def test_numbers_that_are_not_known_count_for_nothing(distance):
    output, target = drawn(3, 8)
    target, observed = target.sigmoid(), torch.ones(3, 8, dtype=torch.bool)
    torch.testing.assert_close(distance(output, target, observed), distance(output, target))
    observed[:, 5:] = False
    torch.testing.assert_close(distance(output, target, observed), distance(output[:, :5], target[:, :5]))
    assert torch.equal(distance(output, target, torch.zeros(3, 8, dtype=torch.bool)), torch.zeros(3))
