"""The composition: an ordinary module that takes raw samples, whoever's the parts are."""

import copy

import pytest
import torch
from torch import Tensor, nn

from isthmus.data.scaling import Scaling
from isthmus.errors import BlueprintError, DataError
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.blueprint import Blueprint
from isthmus.parts import ActivationL1, Bce, CodeKind, Conv, Corruption, Dense, Mse, Plain, Sse
from isthmus.parts.codes import Code
from isthmus.parts.forward_pass import map_tensors

BYTES = Scaling("bytes", 0.0, 255.0, (0.0, 1.0))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def own(inputs: int = 12, size: int = 3, **options) -> Autoencoder:
    return Autoencoder(nn.Linear(inputs, size), nn.Linear(size, inputs), shape=(inputs,), **options)


def pictures(count: int = 5) -> Tensor:
    return torch.randint(0, 256, (count, 1, 6, 7), generator=generator(), dtype=torch.uint8)


def test_modules_of_ones_own_make_an_autoencoder():
    model = own()
    seen = model(torch.rand(4, 12))
    assert model.code_shape == (3,)
    assert seen.code.z.shape == (4, 3)
    assert seen.reconstruction.shape == (4, 12)
    assert (model.distance, model.code, model.objective.penalties, model.blueprint) == (
        Mse(link="identity"),
        Plain(),
        (),
        None,
    )


def test_the_code_shape_of_modules_of_ones_own_is_found_without_changing_them():
    normalise = nn.BatchNorm1d(12)
    encoder = nn.Sequential(normalise, nn.Linear(12, 3))
    frozen = nn.Linear(3, 12).eval()
    Autoencoder(encoder, frozen, shape=(12,))
    assert normalise.running_mean is not None
    assert not normalise.running_mean.any()

    assert encoder.training
    assert not frozen.training


def test_modules_in_another_precision_are_tried_in_it():
    model = Autoencoder(nn.Linear(12, 3).double(), nn.Linear(3, 12).double(), shape=(12,))
    assert model.code_shape == (3,)


@pytest.mark.parametrize(
    ("encoder", "decoder", "shape", "words"),
    [
        (nn.Linear(12, 3), nn.Linear(3, 12), (1, 4, 3), "The encoder can't take one sample of shape (1, 4, 3)"),
        (nn.Linear(12, 3), nn.Linear(4, 12), (12,), "The decoder can't take one code of shape (3,)"),
        (nn.Linear(12, 3), nn.Linear(3, 10), (12,), "output has shape (10,), but the data need (12,)"),
    ],
)
def test_modules_that_do_not_fit_are_refused_in_one_line(encoder, decoder, shape, words):
    with pytest.raises(BlueprintError) as caught:
        Autoencoder(encoder, decoder, shape=shape)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_autoencoder_trains_in_anybodys_loop():
    model = own(distance=Sse())
    x = torch.randn(64, 3, generator=generator()) @ torch.randn(3, 12, generator=generator(1))
    optimiser = torch.optim.Adam(model.parameters(), 0.03)
    losses = []
    for _ in range(150):
        optimiser.zero_grad()
        total, terms = model.loss(model(x))
        total.backward()
        optimiser.step()
        losses.append(terms["distance"].item())
    assert losses[-1] < 0.05 * losses[0]


@pytest.mark.parametrize("use", ["__call__", "encode", "reconstruct"])
@pytest.mark.parametrize("shape", [(4, 11), (12,), (4, 12, 1), (4, 1, 12)])
def test_samples_of_another_shape_are_refused(use, shape):
    with pytest.raises(DataError, match=r"samples have shape .*expects \(N, 12\)") as caught:
        getattr(own(), use)(torch.zeros(shape))
    assert str(shape) in str(caught.value)


def test_pictures_that_would_only_be_flattened_to_the_right_size_are_refused():
    model = Blueprint(network=Dense(), code=Plain(size=3)).build((1, 6, 7))
    with pytest.raises(DataError, match=r"expects \(N, 1, 6, 7\)"):
        model.reconstruct(torch.zeros(2, 7, 6, 1))


def test_codes_of_another_shape_are_refused():
    with pytest.raises(DataError, match=r"codes have shape \(2, 4\), but this model expects \(N, 3\)"):
        own().decode(torch.zeros(2, 4))


def test_raw_bytes_go_in_and_raw_units_come_out():
    flat, back = nn.Flatten(), nn.Unflatten(1, (1, 6, 7))
    model = Autoencoder(flat, back, shape=(1, 6, 7), scaling=BYTES, distance=Mse(link="identity"))

    raw = pictures()
    seen = model(raw)
    assert torch.allclose(seen.clean, raw / 255)
    assert torch.allclose(seen.reconstruction, raw / 255)
    assert torch.allclose(model.encode(raw), raw.flatten(1) / 255)
    assert torch.allclose(model.decode(model.encode(raw)), raw.float(), atol=1e-4)
    assert torch.allclose(model.reconstruct(raw), raw.float(), atol=1e-4)
    assert model.reconstruct(raw).dtype == torch.float32


def test_reconstructions_behind_a_sigmoid_are_in_raw_units_too():
    model = Autoencoder(nn.Flatten(), nn.Unflatten(1, (1, 6, 7)), shape=(1, 6, 7), scaling=BYTES, distance=Bce())
    raw = pictures()
    assert torch.allclose(model.reconstruct(raw), 255 * torch.sigmoid(raw / 255), atol=1e-4)
    assert torch.allclose(model(raw).reconstruction, torch.sigmoid(raw / 255), atol=1e-6)


def test_encode_decode_and_reconstruct_agree_with_forward():
    model = Blueprint(network=Conv(), code=Plain(size=5)).build((1, 6, 7))
    raw = torch.rand(4, 1, 6, 7, generator=generator())
    seen = model(raw)
    assert torch.equal(model.encode(raw), seen.code.z)
    assert torch.equal(model.reconstruct(raw), seen.reconstruction)


def test_draws_alone_make_chance():
    model = Blueprint(network=Dense(widths=(30,), dropout=0.5), code=Plain(size=3)).build((12,)).train()
    x = torch.rand(4, 12, generator=generator())
    first, again = (model(x, model.draw(4, generator(5))).output for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, model(x, model.draw(4, generator(6))).output)
    before = torch.random.get_rng_state()
    assert torch.equal(model(x).output, model(x).output)
    assert torch.equal(before, torch.random.get_rng_state())


class Rows(Corruption):
    """Needs no random numbers."""

    def __call__(self, clean: Tensor, draws: Tensor | None = None) -> Tensor:
        return clean.flip(1)


def test_a_corruption_that_needs_no_draws_acts_where_there_are_draws():
    model = own(corruption=Rows())
    x = torch.rand(4, 12)
    assert torch.equal(model(x, model.draw(4, generator())).corrupted, x.flip(1))
    assert torch.equal(model(x).corrupted, x)


def test_draws_are_mapped_by_name_and_what_is_none_stays():
    draws = {"corruption": None, "encoder": {"dropout1": torch.ones(4)}}
    cut = map_tensors(lambda draw: draw[:2], draws)
    assert cut["corruption"] is None
    assert cut["encoder"]["dropout1"].shape == (2,)


class Committed(CodeKind):
    """A code that adds to the loss itself."""

    def __call__(self, features: Tensor, draws: Tensor | None = None, module: nn.Module | None = None) -> Code:
        return Code(z=features, loss=features.square().flatten(1).sum(1))


def test_the_loss_is_the_distance_and_the_weighted_penalties_and_the_codes_own():
    model = own(code=Committed(), penalties=[ActivationL1(weight=0.5), ActivationL1(weight=2.0)])
    seen = model(torch.rand(6, 12, generator=generator()))
    z, error = seen.code.z.detach(), (seen.output - seen.clean).detach()
    total, means = model.loss(seen)
    l1, square = z.abs().sum(1).mean(), z.square().sum(1).mean()
    assert list(means) == ["distance", "activation-l1", "activation-l1#2", "code"]
    assert torch.isclose(total, error.square().mean(1).mean() + 2.5 * l1 + square)
    assert torch.isclose(model.loss(seen, torch.tensor([0.0, 1.0]))[0], error.square().mean(1).mean() + l1 + square)
    assert all(term.shape == (6,) for term in model.objective.terms(seen, model).values())


def test_a_penalty_reads_any_named_layer():
    blueprint = Blueprint(
        network=Dense(widths=(6,)), code=Plain(size=3), penalties=(ActivationL1(layer="encoder.dense1"),)
    )
    model = blueprint.build((12,))
    seen = model(torch.rand(4, 12, generator=generator()))
    assert torch.equal(model.objective.terms(seen, model)["activation-l1"], seen.layers["encoder.dense1"].abs().sum(1))
    assert list(seen.layers) == [
        *("encoder.flatten", "encoder.dense1", "encoder.code", "decoder.dense1", "decoder.output"),
    ]


def test_a_layer_that_there_is_not_is_answered_with_the_nearest():
    seen = Blueprint(network=Dense(), code=Plain(size=3)).build((12,))(torch.zeros(1, 12))
    with pytest.raises(BlueprintError, match=r"no layer 'encoder\.codes'.*Did you mean 'encoder\.code'"):
        seen.activations("encoder.codes")
    with pytest.raises(BlueprintError, match="There are none here"):
        own()(torch.zeros(1, 12)).activations("encoder.code")


@pytest.mark.parametrize(
    "network", [Dense(widths=(6,), tied=True, dropout=0.2), Dense(widths=(6,), normalisation="layer")], ids=str
)
def test_compiled_forward_equals_eager(network):
    model = Blueprint(network=network, code=Plain(size=3), penalties=(ActivationL1(),)).build((1, 4, 5)).eval()
    x, draws = torch.rand(8, 1, 4, 5, generator=generator()), model.draw(8, generator())
    torch.compiler.reset()

    def step(raw, draws):
        seen = model(raw, draws)
        return model.loss(seen)[0], seen.output

    total, output = torch.compile(step, fullgraph=True, backend="aot_eager")(x, draws)
    assert torch.allclose(output, model(x, draws).output, atol=1e-6)
    assert torch.allclose(total, model.loss(model(x, draws))[0], atol=1e-6)


def test_a_copy_of_a_tied_model_is_tied_to_itself():
    model = Blueprint(network=Dense(widths=(6,), tied=True), code=Plain(size=3)).build((12,))
    twin = copy.deepcopy(model)
    x = torch.rand(4, 12, generator=generator())
    assert torch.equal(twin(x).output, model(x).output)
    assert twin.state_dict().keys() == model.state_dict().keys()
    before = model(x).output
    with torch.no_grad():
        for weight in twin.parameters():
            weight.zero_()
    assert not twin(x).output.any()
    assert torch.equal(model(x).output, before)


def test_a_model_moved_to_double_precision_works_in_it():
    model = Blueprint(network=Dense(widths=(6,), tied=True), code=Plain(size=3)).build((12,)).to(torch.float64)
    x = torch.rand(4, 12, generator=generator())
    seen = model(x)
    assert seen.output.dtype == seen.clean.dtype == torch.float64
    model.loss(seen)[0].backward()
    assert model.reconstruct(x).dtype == torch.float32
    assert torch.equal(model.to(torch.float32)(x).clean, x)


def test_a_model_on_the_meta_device_is_all_there():
    model = Blueprint(network=Dense(widths=(6,), tied=True), code=Plain(size=3)).build((12,)).to("meta")
    assert model(torch.zeros(4, 12, device="meta")).output.device.type == "meta"
    assert {tensor.device.type for tensor in model.state_dict().values()} == {"meta"}


def test_within_autocast_the_loss_stays_as_exact_as_the_data():
    penalty = ActivationL1(layer="encoder.dense1")
    blueprint = Blueprint(network=Dense(widths=(64,)), code=Plain(size=8), distance=Bce(), penalties=(penalty,))
    model = blueprint.build((1, 20, 20))

    x = torch.rand(16, 1, 20, 20, generator=generator())
    with torch.autocast("cpu", torch.bfloat16):
        seen = model(x)
        terms = model.objective.terms(seen, model)
    assert seen.layers["encoder.dense1"].dtype == torch.bfloat16
    assert seen.output.dtype == seen.code.z.dtype == seen.reconstruction.dtype == torch.float32
    assert all(term.dtype == torch.float32 for term in terms.values())
    exact = Bce()(seen.output.double(), seen.clean.double())
    assert torch.allclose(terms["distance"].double(), exact, rtol=1e-5)
    l1 = seen.layers["encoder.dense1"].double().abs().sum(1)
    assert torch.allclose(terms["activation-l1"].double(), l1, rtol=1e-5)


def test_a_model_is_a_module_with_its_weights_alone_in_its_state():
    model = Blueprint(network=Dense(), code=Plain(size=3)).build((12,))
    assert isinstance(model, nn.Module)
    names = [f"{layer}.{kind}" for layer in ("encoder.code", "decoder.output") for kind in ("weight", "bias")]
    assert list(model.state_dict()) == names

    assert "tied" in repr(Blueprint(network=Dense(tied=True), code=Plain(size=3)).build((12,)))


def test_one_sample_or_none_pass_as_many_do():
    model = Blueprint(network=Conv(), code=Plain(size=3)).build((1, 6, 7))
    assert model.reconstruct(torch.zeros(1, 1, 6, 7)).shape == (1, 1, 6, 7)
    assert model.reconstruct(torch.zeros(0, 1, 6, 7)).shape == (0, 1, 6, 7)


class Window(Corruption):
    """Leaves three numbers in a row of a sample, at a random place."""

    def shape(self, clean):
        return (3,)

    def draw(self, count, clean, generator):
        return torch.randint(clean[0] - 2, (count, 1), generator=generator)

    def __call__(self, clean, draws=None):
        assert draws is not None
        return clean.gather(1, draws + torch.arange(3))


class EverySecond(Corruption):
    """Leaves every second number; nothing about it is random."""

    def shape(self, clean):
        return (clean[0] // 2,)

    def __call__(self, clean, draws=None):
        return clean[:, ::2]


@pytest.mark.parametrize(("corruption", "seen"), [(Window(), 3), (EverySecond(), 6)])
def test_a_corruption_that_changes_the_shape_damages_without_draws_too_and_always_alike(corruption, seen):
    model = Autoencoder(nn.Linear(seen, 2), nn.Linear(2, 12), shape=(12,), corruption=corruption)
    raw = torch.arange(60.0).view(5, 12)
    passed = model(raw)
    assert passed.corrupted.shape == (5, seen)
    assert torch.equal(passed.clean, raw)
    assert torch.equal(passed.output, model(raw).output)
    assert torch.equal(model.encode(raw), passed.code.z)
    assert torch.equal(model.encode(passed.corrupted), passed.code.z)
    assert torch.equal(model.reconstruct(raw), passed.reconstruction)
    with pytest.raises(DataError, match=rf"expects \(N, {seen}\)"):
        model.encode(torch.zeros(5, 4))
