"""Exact arithmetic: near the ordinary one, the same bits in any order, and refused where that isn't known."""

import math
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

import isthmus as ist
from isthmus.codec.exact_model import ExactModel
from isthmus.codec.methods import ByBitsBack
from isthmus.errors import UseError
from isthmus.exact import exactly
from isthmus.exact.mode import FEW, LARGEST
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.recipes import RECIPES


def _data(name: str) -> ist.Data:
    random = np.random.default_rng(0)
    match name:
        case "table" | "table-vae":
            return ist.open_data(random.normal(size=(40, 5)).round(1).astype(np.float32))
        case "series-gru":
            return ist.open_data(random.normal(size=(40, 2, 16)).astype(np.float32), kind="series")
        case "recolour":
            return ist.open_data(random.integers(0, 256, (40, 8, 8, 3), dtype=np.uint8))
    if RECIPES[name].blueprint.distance.kind == "tokens":
        pytest.skip("the codec refuses tokens: decoders that read what they write have no exact form")
    if RECIPES[name].data == "pairs":
        return ist.open_data(_pictures(), damaged=_pictures())
    return ist.open_data((_pictures(), np.arange(40) % 4) if name == "cvae" else _pictures())


def _pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)


def _model(name: str) -> Autoencoder:
    """The recipe's model, with every weight moved, as after training."""
    data = _data(name)
    model = ist.recipe(name, **({"steps": 2} if name == "diffusion" else {})).build(data, remarks=False)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_((0.1 * weight.std(correction=0) + 0.01) * torch.randn_like(weight))
    return model.eval()


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_decodes_as_in_ordinary_arithmetic_and_each_sample_by_itself(name: str) -> None:
    model = _model(name)
    if not model.decodes or model.conditioning.classes:
        pytest.skip("the codec refuses such models")
    exact = ExactModel(model)
    z = torch.randn(5, *model.code_shape, dtype=torch.float64)
    made = exact.reconstruction(z)
    with torch.no_grad():
        ordinary = exact.model.distance.picture(exact.model.decoder(exact.model.conditioning.to_decoder(z, None)))
        ordinary = ordinary if model.scaling.kind == "none" else ordinary * model.scaling.scale + model.scaling.shift
    assert float((made - ordinary).abs().max()) < 1e-5 * max(1.0, float(ordinary.abs().max()))
    assert torch.equal(made, torch.cat([exact.reconstruction(one[None]) for one in z]))
    if ByBitsBack.can(model):
        raw = _data(name).train.tensor()[:5]
        features = exact.features(exact.scaled(raw), None)
        with torch.no_grad():
            near = exact.model.encoder(exact.scaled(raw))
        assert float((features - near).abs().max()) < 1e-5 * max(1.0, float(near.abs().max()))
        alone = [exact.features(exact.scaled(one[None]), None) for one in raw]
        assert torch.equal(features, torch.cat(alone))


PROGRAM = """
import sys, numpy as np, torch
from safetensors.torch import load_file, save_file
import isthmus as ist
from isthmus.codec.exact_model import ExactModel

folder, threads = sys.argv[1:3]
torch.set_num_threads(int(threads))
torch.backends.mkldnn.enabled = False
made = {}
for name in sys.argv[3:]:
    given = load_file(f"{folder}/{name}.safetensors")
    z = given.pop("z")
    data = ist.open_data(np.load(f"{folder}/all.npy"))
    raw, model = data.train.tensor(), ist.recipe(name).build(data, remarks=False).eval()
    model.load_state_dict(given)
    exact = ExactModel(model)
    made[name] = exact.reconstruction(z)
    made[name + " features"] = exact.features(exact.scaled(raw), None)
save_file(made, f"{folder}/made-{threads}.safetensors")
"""


def test_another_processor_library_and_number_of_threads_give_the_same_bits(tmp_path: Path) -> None:
    names = ("ladder-vae", "resnet-vae", "mae")
    np.save(tmp_path / "all.npy", _pictures())
    wanted = {}
    for name in names:
        model, raw = _model(name), _data(name).train.tensor()
        z = torch.randn(70, *model.code_shape, dtype=torch.float64)
        given = {"z": z, **model.state_dict()}
        save_file({key: tensor.contiguous() for key, tensor in given.items()}, tmp_path / f"{name}.safetensors")
        exact = ExactModel(model)
        wanted[name] = exact.reconstruction(z)
        wanted[f"{name} features"] = exact.features(exact.scaled(raw), None)
    elsewhere = {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"}, {"ATEN_CPU_CAPABILITY": "avx2"}
    for threads, environment in zip((2, 3), elsewhere, strict=True):
        words = [sys.executable, "-c", PROGRAM, str(tmp_path), str(threads), *names]
        subprocess.run(words, env={**os.environ, **environment}, check=True)
        made = load_file(tmp_path / f"made-{threads}.safetensors")
        assert sorted(made) == sorted(wanted)
        assert [name for name in wanted if not torch.equal(made[name], wanted[name])] == []


@pytest.mark.parametrize("keepdim", [True, False])
def test_sums_do_not_depend_on_the_order(keepdim: bool) -> None:
    x = torch.randn(3, 1001, dtype=torch.float64) * 10.0 ** torch.randint(-8, 8, (3, 1001)).double()
    order = torch.randperm(1001)
    with exactly():
        for reduce in (torch.sum, torch.mean, torch.logsumexp):
            assert torch.equal(reduce(x, 1, keepdim=keepdim), reduce(x[:, order], 1, keepdim=keepdim))
        assert torch.equal(x[:, order] @ torch.ones(1001, 2).double(), x @ torch.ones(1001, 2).double())


WIDE = st.floats(-1e150, 1e150, allow_nan=False) | st.sampled_from([0.0, 5e-324, 1e-300, -1e-160, 1e140, 1.0])


@settings(max_examples=60)
@given(values=st.lists(st.tuples(WIDE, WIDE), min_size=1, max_size=40))
def test_a_product_is_the_exact_sum_of_exact_products_of_rounded_factors(values: list[tuple[float, float]]) -> None:
    one, other = torch.tensor(values, dtype=torch.float64).t()
    order = torch.randperm(len(one))
    with exactly():
        made = (one[None] @ other[:, None]).item()
        again = (one[None, order] @ other[order, None]).item()
        total, shuffled = one.sum().item(), one[order].sum().item()
    assert made == again
    assert total == shuffled or len(one) <= FEW  # few terms are added in their order
    true = sum((Fraction(a) * Fraction(b) for a, b in values), Fraction(0))
    # 20 bits of a factor's largest number in each product, and 2**-500 beneath all
    bound = len(values) * Fraction(2) ** -19 * Fraction(one.abs().max().item()) * Fraction(other.abs().max().item())
    least = (
        len(values) * Fraction(2) ** -500 * (1 + Fraction(one.abs().max().item()) + Fraction(other.abs().max().item()))
    )
    assert abs(Fraction(made) - true) <= bound + least
    exact = sum(map(Fraction, one.tolist()), Fraction(0))
    assert abs(Fraction(total) - exact) <= len(values) * (
        Fraction(2) ** -40 * Fraction(one.abs().max().item()) + Fraction(2) ** -500
    )


@settings(max_examples=30)
@given(st.integers(1, 6), st.integers(1, 700), st.integers(0, 2**31))
def test_small_whole_numbers_are_multiplied_without_rounding(rows: int, terms: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    one, other = random.integers(-999, 1000, (rows, terms)), random.integers(-999, 1000, (terms, 3))
    with exactly():
        made = torch.from_numpy(one).double() @ torch.from_numpy(other).double()
    assert np.array_equal(made.numpy(), one @ other)


@pytest.mark.parametrize("value", [math.nan, math.inf, 2 * LARGEST])
def test_numbers_whose_sums_could_depend_on_the_order_are_refused(value: float) -> None:
    x = torch.tensor([[1.0, value]], dtype=torch.float64)
    for compute in (torch.sum, lambda x: x @ x.t(), lambda x: F.conv1d(x[None], x[None, :, :1])):
        with exactly(), pytest.raises(UseError, match="infinite, NaN or above 1e150"):
            compute(x)


LAYERS = {
    "linear": (nn.Linear(6, 4), (3, 6)),
    "conv1d": (nn.Conv1d(4, 6, 3, stride=2, padding=1, groups=2), (2, 4, 9)),
    "conv2d": (nn.Conv2d(3, 5, 3, padding=1, dilation=2), (2, 3, 8, 7)),
    "transposed": (nn.ConvTranspose2d(4, 6, 3, stride=2, output_padding=1, groups=2), (2, 4, 5, 5)),
    "layer norm": (nn.LayerNorm(6), (3, 4, 6)),
    "group norm": (nn.GroupNorm(2, 6), (3, 6, 4)),
    "batch norm": (nn.BatchNorm2d(3), (4, 3, 5, 5)),
    "average": (nn.AvgPool2d(2), (2, 3, 6, 6)),
    "most": (nn.MaxPool2d(2), (2, 3, 6, 6)),
    "elu": (nn.ELU(), (9,)),
    "gelu": (nn.GELU(), (9,)),
    "fast gelu": (nn.GELU("tanh"), (9,)),
    "silu": (nn.SiLU(), (9,)),
    "softplus": (nn.Softplus(), (9,)),
    "softmax": (nn.Softmax(1), (3, 5)),
    "log softmax": (nn.LogSoftmax(1), (3, 5)),
    "log sigmoid": (nn.LogSigmoid(), (9,)),
    "gru": (nn.GRU(3, 4, batch_first=True), (2, 5, 3)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_compute_what_they_compute_in_ordinary_arithmetic(name: str) -> None:
    layer, shape = LAYERS[name]
    layer, x = layer.double().eval(), 3 * torch.randn(shape, dtype=torch.float64)
    with exactly():
        made = layer(x)
    wanted = layer(x)
    made, wanted = (one[0] if isinstance(one, tuple) else one for one in (made, wanted))
    torch.testing.assert_close(made, wanted.detach(), rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("masked", [None, "bool", "float", "causal"])
def test_attention_is_the_ordinary_one(masked: str | None) -> None:
    query, key, value = torch.randn(3, 2, 4, 6, 8, dtype=torch.float64)
    how = {
        None: {},
        "bool": {"attn_mask": torch.ones(2, 1, 1, 6, dtype=torch.bool).index_fill(3, torch.tensor([1, 4]), False)},
        "float": {"attn_mask": torch.randn(6, 6, dtype=torch.float64)},
        "causal": {"is_causal": True},
    }[masked]
    with exactly():
        made = F.scaled_dot_product_attention(query, key, value, **how)  # pyright: ignore[reportArgumentType]
    wanted = F.scaled_dot_product_attention(query, key, value, **how)  # pyright: ignore[reportArgumentType]
    torch.testing.assert_close(made, wanted, rtol=1e-5, atol=1e-5)


def test_a_term_with_a_factor_is_rounded_twice_on_every_processor() -> None:
    x, y = torch.randn(2, 1000, dtype=torch.float64)
    with exactly():
        made = torch.add(x, y, alpha=0.3), torch.sub(x, y, alpha=0.3), torch.rsub(x, y, alpha=0.3)
    by_hand = x.numpy() + 0.3 * y.numpy(), x.numpy() - 0.3 * y.numpy(), y.numpy() - 0.3 * x.numpy()
    for one, other in zip(made, by_hand, strict=True):
        assert np.array_equal(one.numpy(), other)


def test_equal_steps_do_not_depend_on_how_many_numbers_are_made_at_once() -> None:
    with exactly():
        many, few = torch.linspace(0, 1, 256, dtype=torch.float64), torch.linspace(0, 1, 2, dtype=torch.float64)
    assert np.array_equal(many.numpy(), np.arange(256) / 255)
    assert few.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("name", "compute"),
    [
        ("sin", torch.sin),
        ("cumprod", lambda x: x.cumprod(0)),
        ("atan2", lambda x: torch.atan2(x, x)),
        ("pow", lambda x: x**x),
        ("power -1", lambda x: x**-1),
        ("index_put", lambda x: x.index_put((torch.tensor([0, 0]),), x[:2], accumulate=True)),
        ("Scattering", lambda x: x.scatter(0, torch.tensor([0, 0]), x[:2], reduce="add")),
        ("_foreach_exp", lambda x: torch.ops.aten._foreach_exp([x, x])),
        ("training", lambda x: F.batch_norm(x.view(2, 2), None, None, training=True)),
        ("padding", lambda x: F.avg_pool2d(x.view(1, 1, 2, 2), 2, padding=1)),
    ],
)
def test_an_operation_without_an_exact_form_is_refused_by_its_name(name: str, compute) -> None:
    x = torch.tensor([0.5, 1.5, 2.5, 3.5], dtype=torch.float64)
    with exactly(), pytest.raises(UseError, match="power|training" if name in ("pow", "training") else name):
        compute(x)


@pytest.mark.parametrize("compute", [lambda x: x + 1, torch.exp, lambda x: torch.cat([x, x])])
def test_float32_is_refused(compute) -> None:
    with exactly(), pytest.raises(UseError, match="float64"):
        compute(torch.ones(2))


def test_blocks_nest_end_on_errors_and_leave_nothing_behind() -> None:
    flags = torch.backends.cuda.math_sdp_enabled(), torch.backends.cuda.flash_sdp_enabled()
    x = torch.ones(2, dtype=torch.float64, requires_grad=True)
    with exactly():
        with exactly():
            assert not (x * 2).requires_grad
        assert not torch.is_grad_enabled()
        with pytest.raises(UseError):
            torch.sin(x)
        assert flags == (torch.backends.cuda.math_sdp_enabled(), torch.backends.cuda.flash_sdp_enabled())
    with pytest.raises(ZeroDivisionError), exactly():
        _ = 1 / 0
    assert torch.is_grad_enabled()
    assert torch.equal(torch.sin(x), x.sin())
    assert torch.ones(2).exp().dtype == torch.float32
