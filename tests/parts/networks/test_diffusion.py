"""The diffusion decoder: its loss, generation from the same noise, and the noise of given samples."""

import math

import pytest
import torch

import isthmus as ist
from isthmus.errors import BlueprintError, UseError
from isthmus.parts import Diffusion, Mse
from isthmus.parts.networks.diffusion import Diffusing
from isthmus.parts.networks.generating import Choice, generating

SHAPE = (2, 5, 7)


def model_of(shape=SHAPE, **options):
    network = Diffusion(channels=(4, 6), steps=4).replace(**options)
    model = ist.Blueprint(network=network, code=ist.parts.Plain(size=3)).build(shape, seed=1, remarks=False).double()
    moved = torch.Generator().manual_seed(2)
    with torch.no_grad():  # so that no weight is 0, as after training
        for weight in model.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=moved, dtype=weight.dtype))
        decoder_of(model).centre.normal_(generator=moved)
        decoder_of(model).scale.fill_(0.3)
    return model.eval().requires_grad_(False)


def decoder_of(model) -> Diffusing:
    decoder = generating(model.decoder)
    assert isinstance(decoder, Diffusing)
    return decoder


def raw(count, shape=SHAPE):
    return torch.rand(count, *shape, dtype=torch.float64)


def test_the_loss_is_the_mean_squared_error_of_the_velocity():
    model, given = model_of(), raw(6)
    decoder, draws = decoder_of(model), model.draw(6, torch.Generator().manual_seed(0))
    total, terms = model.loss(model(given, draws))
    time, noise = (each.double() for each in draws["decoder"]["output"])
    x = (given - decoder.centre) / decoder.scale
    angle = math.pi / 2 * time[:, None, None, None]
    waves = math.pi * 2 ** (8 * torch.arange(16, dtype=torch.float64) / 15) * time[:, None]
    features = torch.cat([waves.cos(), waves.sin()], 1)
    found = decoder.network(angle.cos() * x + angle.sin() * noise, features, model.encode(given))
    torch.testing.assert_close(total, (found - (angle.cos() * noise - angle.sin() * x)).square().mean())
    assert torch.equal(terms["distance"], total)


def test_several_draws_of_a_code_see_the_same_noise():
    model, given = model_of(), raw(2)
    draws = model.draw(2, torch.Generator().manual_seed(0))["decoder"]["output"]
    z = torch.randn(4, 3, dtype=torch.float64)
    both = decoder_of(model)(z, draws, given)
    halves = [decoder_of(model)(part, draws, given) for part in z.split(2)]
    torch.testing.assert_close(both, torch.cat(halves))


def test_without_draws_samples_are_generated_from_the_code_alone():
    model, given = model_of(), raw(3)
    out = model(given)
    made = model.decode(model.encode(given))
    torch.testing.assert_close(out.output.to(made), made)
    assert torch.equal(model.reconstruct(given), made)
    assert out.weight is None
    assert not torch.allclose(made, model.decode(model.encode(given), choice=Choice(torch.randn(3, *SHAPE))))


@pytest.mark.parametrize("shape", [SHAPE, (3, 9)])
def test_the_noise_of_samples_makes_them_again(shape):
    model, given = model_of(shape, steps=10), raw(2, shape)
    noise = model.noise(given)
    assert noise.shape == given.shape
    again = model.decode(model.encode(given), choice=Choice(noise))
    nearer = (again - given).abs().max() / (model.reconstruct(given) - given).abs().max()
    assert float(nearer) < 0.01


def test_only_a_decoder_that_starts_from_noise_finds_noise():
    model = ist.recipe("deep", code=3).build(SHAPE, remarks=False)
    with pytest.raises(UseError, match="doesn't generate from noise"):
        model.noise(raw(2).float())


def test_it_starts_at_the_best_velocity_for_white_noise_around_the_mean_of_the_data():
    samples = 7 + 2 * torch.randn(500, *SHAPE)
    data = ist.open_data(samples.numpy(), scaling="none", validation=0, test=0)
    model = ist.recipe("diffusion", code=3, channels=(4,), steps=4).build(data, remarks=False)
    decoder = decoder_of(model)
    torch.testing.assert_close(decoder.scale, torch.tensor(2.0), atol=0.05, rtol=0)
    torch.testing.assert_close(decoder.centre, samples.mean(0), atol=1e-4, rtol=0)
    loss, _ = model.loss(model(samples, model.draw(500, torch.Generator().manual_seed(0))))
    assert float(loss.detach()) == pytest.approx(1, abs=0.03)  # the variance of α·ε - σ·x, which nothing can predict


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"distance": "bce"}, "makes the sample itself"),
        ({"distance": Mse(link="sigmoid")}, "makes the sample itself"),
        ({"predicts": "residual"}, "can't be a residual"),
        ({"start": "pca"}, "start='pca' needs"),
    ],
)
def test_parts_that_do_not_suit_it_are_refused(options, message):
    with pytest.raises(BlueprintError, match=message):
        ist.recipe("diffusion", code=3, **options).build((1, 8, 8), remarks=False)


def test_the_validation_loss_is_that_of_the_same_noise_every_time():
    pictures = (255 * torch.rand(40, 1, 6, 6)).to(torch.uint8).numpy()
    data = ist.open_data(pictures, validation=0.3)
    settings = {"batch_size": 14, "compile": False, "progress": False, "learning_rate": 1e-30}
    model = ist.recipe("diffusion", code=2, channels=(4,)).build(data, remarks=False)
    run = ist.fit(model, data, epochs=2, **settings)
    first, second = (row["validation_loss"] for row in run.history)
    assert first == pytest.approx(second, rel=1e-6)
    assert first > 0.5  # of the velocity, not of generated samples
