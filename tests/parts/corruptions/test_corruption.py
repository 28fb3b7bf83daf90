"""Corruptions: what they do to samples, and what a model does with them."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from isthmus.errors import BlueprintError
from isthmus.model.blueprint import Blueprint
from isthmus.parts import Blur, Corruption, Dense, GaussianNoise, Jpeg, Masking, Patch, Plain, SaltAndPepper, Speckle

OURS = (Blur, GaussianNoise, Jpeg, Masking, Patch, SaltAndPepper, Speckle)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def corrupt(corruption, clean, seed=0):
    return corruption(clean, corruption.draw(len(clean), tuple(clean.shape[1:]), generator(seed)))


def picture(channels=1, height=24, width=24):
    """(1, C, H, W) something smooth with an edge, in 0..1."""
    rows, columns = torch.meshgrid(torch.linspace(0, 3, height), torch.linspace(0, 2, width), indexing="ij")
    planes = [0.5 + 0.4 * torch.sin(rows * (1 + channel) + columns) for channel in range(channels)]
    made = torch.stack(planes)[None]
    made[..., height // 3 : height // 2, width // 4 : width // 2] = 0.9
    return made


class Halve(Corruption):
    """Deterministic, and of another shape: every second number."""

    def shape(self, clean):
        return (clean[0] // 2,)

    def __call__(self, clean, draws=None):
        return clean[:, ::2]


class Noise(Corruption):
    def draw(self, count, clean, generator):
        return torch.randn(count, *clean, generator=generator)

    def __call__(self, clean, draws=None):
        assert draws is not None
        return clean + draws


class Untouched(Corruption):
    pass


def test_the_encoder_is_built_for_what_comes_in_and_the_decoder_for_what_is_clean():
    model = Blueprint(network=Dense(), code=Plain(size=3), corruption=Halve()).build((8,))
    x = torch.rand(4, 8)
    seen = model(x, model.draw(4, torch.Generator()))
    assert torch.equal(seen.corrupted, x[:, ::2])
    assert torch.equal(seen.clean, x)
    assert seen.output.shape == (4, 8)


def test_noise_comes_from_the_draws_and_without_them_there_is_none():
    model = Blueprint(network=Dense(), code=Plain(size=3), corruption=Noise()).build((8,))
    x = torch.rand(4, 8)
    draws = model.draw(4, torch.Generator().manual_seed(0))
    assert torch.equal(model(x, draws).corrupted, x + draws["corruption"])
    assert torch.equal(model(x).corrupted, x)
    assert torch.equal(model(x, draws).clean, x)


def test_the_base_alone_corrupts_nothing():
    assert Untouched().shape((3, 4)) == (3, 4)
    assert Untouched().draw(2, (3,), torch.Generator()) is None
    with pytest.raises(NotImplementedError):
        Untouched()(torch.zeros(1, 3))


@pytest.mark.parametrize("kind", OURS)
@settings(max_examples=30)
@given(
    st.integers(1, 3),
    st.sampled_from([1, 3, 4]),
    st.integers(1, 19),
    st.integers(1, 19),
    st.sampled_from([torch.float32, torch.float64]),
)
def test_every_corruption_takes_every_picture_and_repeats_itself(kind, count, channels, height, width, dtype):
    clean = torch.rand(count, channels, height, width, generator=generator(), dtype=dtype)
    before = clean.clone()
    damaged = corrupt(kind(), clean)
    assert damaged.shape == clean.shape
    assert damaged.dtype == dtype
    assert bool(damaged.isfinite().all())
    assert torch.equal(damaged, corrupt(kind(), clean))
    assert torch.equal(clean, before)


@pytest.mark.parametrize("kind", [GaussianNoise, Masking, Patch, SaltAndPepper, Speckle])
def test_what_is_drawn_is_drawn_anew_and_each_sample_by_itself(kind):
    clean = torch.rand(1, 1, 12, 12, generator=generator()).expand(2, 1, 12, 12) + 0.1
    corruption, one = kind(), generator()
    first, second = (corruption(clean, corruption.draw(2, (1, 12, 12), one)) for _ in range(2))
    assert not torch.equal(first, second)
    assert not torch.equal(first[0], first[1])


@pytest.mark.parametrize("kind", [GaussianNoise, Masking, Patch, SaltAndPepper, Speckle])
def test_what_must_be_drawn_is_not_made_up(kind):
    with pytest.raises(TypeError, match="that its `draw` makes"):
        kind()(torch.rand(1, 1, 4, 4))


def test_gaussian_noise_is_normal():
    noise = corrupt(GaussianNoise(sigma=1.0), torch.zeros(500, 1000, dtype=torch.float64)).flatten()
    assert abs(float(noise.mean())) < 0.005
    assert float(noise.std()) == pytest.approx(1, abs=0.005)
    assert float(noise.pow(4).mean()) == pytest.approx(3, abs=0.05)
    for quantile, expected in ((0.001, -3.0902), (0.1, -1.2816), (0.9, 1.2816), (0.999, 3.0902)):
        assert float(np.quantile(noise.numpy(), quantile)) == pytest.approx(expected, abs=0.03)
    apart = noise.view(-1, 2)
    assert abs(float((apart[:, 0] * apart[:, 1]).mean())) < 0.01


def test_gaussian_noise_has_its_sigma_and_speckle_its_share():
    clean = torch.full((100, 1000), 3.0)
    assert float(corrupt(GaussianNoise(sigma=0.2), clean).std()) == pytest.approx(0.2, rel=0.02)
    assert float(corrupt(Speckle(sigma=0.2), clean).std()) == pytest.approx(0.6, rel=0.02)
    assert not corrupt(Speckle(), torch.zeros(3, 4)).any()


@given(st.floats(0, 1))
def test_masking_loses_its_share_and_keeps_the_rest(share):
    clean = torch.rand(50, 400, generator=generator()) + 1
    damaged = corrupt(Masking(share=share), clean)
    lost = damaged == 0
    assert torch.equal(damaged[~lost], clean[~lost])
    assert float(lost.float().mean()) == pytest.approx(share, abs=0.02)


@given(st.floats(0, 1))
def test_salt_and_pepper_lose_half_of_the_share_each(share):
    clean = torch.rand(50, 400, generator=generator()) + 3
    damaged = corrupt(SaltAndPepper(share=share, low=-1, high=2), clean)
    pepper, salt = damaged == -1, damaged == 2
    kept = ~(pepper | salt)
    assert torch.equal(damaged[kept], clean[kept])
    assert float(pepper.float().mean()) == pytest.approx(share / 2, abs=0.02)
    assert float(salt.float().mean()) == pytest.approx(share / 2, abs=0.02)


@pytest.mark.parametrize("kind", [Masking, SaltAndPepper])
def test_all_or_nothing_is_all_or_nothing(kind):
    clean = torch.full((50, 2000), 0.5)
    assert torch.equal(corrupt(kind(share=0.0), clean), clean)
    assert not (corrupt(kind(share=1.0), clean) == 0.5).any()


@given(st.floats(0.01, 1), st.integers(1, 12), st.integers(1, 12))
def test_a_patch_is_one_rectangle_in_all_channels(size, height, width):
    damaged = corrupt(Patch(size=size, value=7), torch.rand(5, 2, height, width, generator=generator()))
    tall, wide = max(1, round(size * height)), max(1, round(size * width))
    for sample in damaged == 7:
        assert torch.equal(sample[0], sample[1])
        rows, columns = sample[0].any(1).nonzero(), sample[0].any(0).nonzero()
        assert int(sample[0].sum()) == tall * wide == len(rows) * len(columns)
        assert int(rows[-1] - rows[0]) + 1 == tall
        assert int(columns[-1] - columns[0]) + 1 == wide


def test_a_patch_falls_everywhere_and_on_series_too():
    damaged = corrupt(Patch(size=0.2, value=7), torch.rand(400, 3, 20))
    assert damaged.shape == (400, 3, 20)
    lost = (damaged == 7).float()
    assert bool((lost.sum(2) == 4).all())
    assert bool(lost.mean((0, 1)).all())


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.5])
def test_blur_is_scipys(sigma):
    clean = torch.rand(2, 3, 9, 13, generator=generator(), dtype=torch.float64)
    reach = int(np.ceil(3 * sigma))
    expected = ndimage.gaussian_filter(clean.numpy(), sigma, mode="nearest", radius=reach, axes=(2, 3))
    assert np.allclose(Blur(sigma=sigma)(clean).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("quality", [5, 30, 50, 75, 95, 100])
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_pillows(quality, channels):
    clean = (picture(channels, 21, 30) * 255).round() / 255
    values = (clean[0] * 255).round().byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(values[..., 0] if channels == 1 else values).save(file, "jpeg", quality=quality, subsampling=0)
    with Image.open(file) as opened:
        expected = np.asarray(opened, dtype=np.float64).reshape(21, 30, channels)
    found = Jpeg(quality=quality)(clean)[0].permute(1, 2, 0).double().numpy() * 255
    assert np.abs(found - expected).mean() < 0.8, "libjpeg computes in whole numbers"
    assert np.allclose(found, found.round(), atol=1e-3)


@pytest.mark.parametrize(
    ("corruption", "words"),
    [(Blur(), "needs pictures"), (Jpeg(), "needs pictures"), (Patch(), "needs pictures .* or series")],
    ids=str,
)
def test_what_needs_places_is_refused_on_tables_when_the_model_is_built(corruption, words):
    with pytest.raises(BlueprintError, match=words) as caught:
        Blueprint(network=Dense(), code=Plain(size=3), corruption=corruption).build((8,))
    assert "\n" not in str(caught.value)
