"""One suite for every recipe, on tiny data: whatever the variety, everybody may rely on the same things."""

import functools
import json
import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from typer.testing import CliRunner

import isthmus as ist
from isthmus.cli import parsing
from isthmus.cli.main import app
from isthmus.cli.options import named_model
from isthmus.model.batch import Inputs
from isthmus.training.optimisers import Optimiser
from isthmus.training.settings import Settings
from isthmus.training.steps import make_step
from vocabularies import SENTENCES, samples_for, with_tokens

GRADIENT = [name for name, row in ist.RECIPES.items() if row.blueprint.solution != "closed form"]
COMPILED = ["contractive", "cvae", "denoising", "iwae", "k-sparse"]
"""What makes the others' steps is traced in the tests of their parts."""
CODEC = {"channels": (8, 12), "decoder_channels": (8,)}
RESIDUAL = ("resnet", "resnet-vae", "denoise", "watermark", "inpaint", "recolour", "upscale", "sharpen")
SMALLER: dict[str, dict[str, Any]] = {name: {"channels": (8, 16)} for name in RESIDUAL} | {
    "image-codec": CODEC,
    "image-codec-hyper": CODEC,
    "mae": {"width": 32, "depth": 2},
    "diffusion": {"channels": (8,), "steps": 3},
    "stacked": {"widths": (60, 40, 20)},
    "music-vae": {"widths": (32,), "embedding": 16},
    "music-roll": {"channels": (16, 16)},
    "text-vae": {"widths": (64,), "embedding": 32},
    "text-denoising": {"width": 64, "depth": 1},
    "series-gru": {"widths": (16,)},
    "sound": {"channels": (8, 12)},
    "two-stage-vae": {"steps": 20},
    "rae": {"components": 2},
    "rae-gp": {"components": 2},
    "capacity-vae": {"capacity": 2.0, "capacity_epochs": 1.0},
    "riemannian-vae": {"references": 8, "moves": 2, "steps": 1},
}
"""Networks that take long in their full sizes."""
ONE_OF_EACH_KIND = ["deep", "cvae", "resnet", "series", "table", "text-vae", "recolour", "sound", "transcoder", "vgae"]
"""These are trained by the command line too, by name and from a blueprint's file: one of each kind of data, and
one that takes labels. Of the others, the blueprints are compared; `test_blueprint.py` has the JSON of all."""
LONGER = {"factor-vae": 8, "resnet": 8, "image-codec-hyper": 8, "watermark": 8, "vae-gan": 12}
LONGER |= {"denoising-vae": 12, "wae": 12, "sliced-wae": 12, "sinkhorn-wae": 12}
"""Epochs of recipes whose loss does not fall in four: at first, the penalties or the start win."""
DAMAGED = "damaged.npz"
SETTINGS: dict[str, Any] = {"epochs": 4, "batch_size": 32, "seed": 2, "compile": False, "progress": False}


def pictures(count=96, height=9, width=8, seed=0):
    """(N, 1, H, W) uint8: bars of two numbers, so that there is something to learn."""
    place = np.random.default_rng(seed)
    rows, columns = place.uniform(0, height, count), place.uniform(0, width, count)
    grid = np.exp(-((np.arange(height) - rows[:, None]) ** 2) / 4)[:, :, None]
    grid = grid * np.exp(-((np.arange(width) - columns[:, None]) ** 2) / 8)[:, None, :]
    return (255 * grid).astype(np.uint8)[:, None]


def series(count=96, channels=2, length=17, seed=0):
    """(N, C, T) float32: waves of two numbers."""
    place = np.random.default_rng(seed)
    pace, start = place.uniform(0.2, 0.6, (count, 1, 1)), place.uniform(0, 6, (count, 1, 1))
    return np.sin(pace * np.arange(length) + start + np.arange(channels)[:, None]).astype(np.float32)


def table(count=96, seed=0):
    """Two columns of numbers, one of three categories and one of two, with holes, and labels."""
    place = np.random.default_rng(seed)
    kind = place.integers(0, 3, count)
    size = kind + place.normal(0, 0.5, count)
    columns = {"kind": np.array(["a", "b", "c"])[kind], "size": size, "weight": 2 * size, "large": size > 1}
    holes = {name: (place.random(count) < 0.1) & (name != "size") for name in columns}
    return pa.table({name: pa.array(values, mask=holes[name]) for name, values in columns.items()} | {"y": kind % 2})


def labels(given):
    """(N,) int64: whether the first half of a sample is more than the second, for varieties that want to know."""
    flat = given.reshape(len(given), -1)
    half = flat.shape[1] // 2
    return (flat[:, :half].sum(1) > flat[:, half:].sum(1)).astype(np.int64)


def graphs(count=96, seed=0):
    """(N, 7, 7) adjacencies of rings of 5 to 7 nodes with some more edges."""
    place = np.random.default_rng(seed)
    made = np.zeros((count, 7, 7), np.float32)
    for graph, nodes in zip(made, place.integers(5, 8, count), strict=True):
        ring = np.arange(nodes)
        graph[ring, (ring + 1) % nodes] = 1
        graph[place.integers(nodes), place.integers(nodes)] = 1
    return np.maximum(made, made.transpose(0, 2, 1))


def arrays(values):
    return {"X": values, "y": labels(values)}


@dataclass(frozen=True)
class Kind:
    """A kind of data that a recipe may be for: a source of it, how it is read, and shapes that samples may have.

    damaged: the inputs of data in pairs.
    """

    source: Any
    shapes: tuple[tuple[int, ...], ...]
    reading: dict[str, str] = field(default_factory=dict)
    damaged: Any = None

    def open(self, source: Any = None, **options: Any) -> ist.Data:
        reading: dict[str, Any] = self.reading
        if self.damaged is not None:
            options["damaged"] = self.damaged if source is None else source.with_name(DAMAGED)
        return ist.open_data(self.source if source is None else source, **reading, **options)

    def words(self, source: Path) -> list[str]:
        """The words by which the command line reads the source as it was saved."""
        words = [word for option, value in self.reading.items() for word in (f"--{option}", value)]
        return words if self.damaged is None else [*words, "--damaged", str(source.with_name(DAMAGED))]

    def save(self, folder: Path) -> Path:
        """The source as a file."""
        if self.damaged is not None:
            np.savez(folder / DAMAGED, X=self.damaged)
        if isinstance(self.source, dict):
            np.savez(folder / "data.npz", **self.source)
            return folder / "data.npz"
        if isinstance(self.source, list):
            (folder / "data.txt").write_text("\n".join(self.source))
            return folder / "data.txt"
        pq.write_table(self.source, folder / "data.parquet")
        return folder / "data.parquet"


PICTURES = Kind(arrays(pictures()), ((1, 9, 8), (3, 13, 7), (1, 28, 28), (1, 1, 1)))
COLOUR = Kind(
    arrays(np.repeat(pictures(), 3, 1) // np.array([[[[1]], [[2]], [[3]]]], dtype=np.uint8)), ((3, 13, 7), (3, 1, 1))
)
SERIES = Kind(arrays(series()), ((1, 17), (3, 8), (1, 1)), {"kind": "series"})
TEXT = Kind(SENTENCES * 3, ((9,), (1,)), {"kind": "text"})
GRAPH = Kind(arrays(graphs()), ((1, 5, 5), (1, 4, 7), (1, 1, 1)), {"kind": "graph"})
TABLE = Kind(table(), ((7,), (1,)), {"categorical": "auto", "missing": "keep", "label": "y"})
PAIRS = Kind(arrays(pictures()), PICTURES.shapes, damaged=pictures()[:, :, ::-1])
KINDS = {"any": PICTURES, "pictures": PICTURES, "colour": COLOUR, "series": SERIES, "table": TABLE, "text": TEXT}
KINDS |= {"sound": SERIES, "pairs": PAIRS, "graph": GRAPH}
SHAPES = [(name, shape) for name, row in ist.RECIPES.items() for shape in KINDS[row.data].shapes]


def kind_of(name):
    return KINDS[ist.RECIPES[name].data]


@functools.cache
def opened(kind):
    return KINDS[kind].open(seed=1)


@pytest.fixture
def data(name):
    return opened(ist.RECIPES[name].data)


def small(name, **options):
    return ist.recipe(name, code=4, **SMALLER.get(name, {}), **options)


def build(name, data):
    return small(name).build(data, remarks=False)


def fit(model, data, **settings):
    return ist.fit(model, data, **SETTINGS | settings)


def weights_of(model):
    return {name: weight.cpu().clone() for name, weight in model.state_dict().items()}


def assert_equal(weights, others):
    assert weights.keys() == others.keys()
    assert all(torch.equal(weights[name], others[name]) for name in weights)


class StopInTheMiddle(ist.Callback):
    """Ends training in the second epoch, after its first step."""

    def batch_end(self, training):
        if (training.state.epoch, training.state.step) == (1, 1):
            training.stop("interrupted")


class CopyInTheMiddle(ist.Callback):
    """Copies the run's folder in the last epoch, after its first step, as a process that is killed there leaves it."""

    def batch_end(self, training):
        if (training.state.epoch, training.state.step) == (training.settings.epochs - 1, 1):
            folder = training.callbacks[-1].folder
            training.save_checkpoint(folder)
            shutil.copytree(folder, folder.with_name("broken"))


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A recipe's run in a folder, trained once for all tests, and a copy from its last epoch: `trained("deep")`."""

    @functools.cache
    def run(name):
        data = opened(ist.RECIPES[name].data)
        folder = tmp_path_factory.mktemp("trained") / "run"
        how = {"epochs": LONGER.get(name, 4), "learning_rate": 0.001 if careful(name) else 0.01}
        return fit(build(name, data), data, out=folder, callbacks=[CopyInTheMiddle()], **how)

    return run


def careful(name):
    """Whether its models begin near their goal, so that they take small steps."""
    return not ist.recipe(name).predicts.decodes


@pytest.mark.parametrize(("name", "shape"), SHAPES, ids=str)
def test_shapes_of_any_size_go_through_and_one_sample_too(name, shape):
    model = with_tokens(small(name, classes=2)).build(shape, remarks=False)
    for count in (1, 5):
        raw, labels = samples_for(model, count), torch.arange(count) % 2
        seen = model(raw, model.draw(count, torch.Generator().manual_seed(0)), labels)
        total, terms = model.loss(seen)
        assert seen.reconstruction.shape == seen.repeated(raw).shape
        assert seen.output.shape == (len(seen.reconstruction), *model.distance.outputs(shape))
        assert math.prod(seen.code.z.shape) == len(seen.output) * math.prod(model.code_shape)
        assert total.shape == ()
        assert all(bool(term.isfinite()) for term in (total, *terms.values()))
        assert model.reconstruct(raw, labels).shape == raw.shape
        if model.decodes:
            assert torch.equal(model.decode(model.encode(raw, labels), labels), model.reconstruct(raw, labels))


@pytest.mark.parametrize("name", GRADIENT)
def test_the_loss_falls(name, trained):
    rows = trained(name).history
    assert rows[-1]["loss"] < rows[0]["loss"]
    # what is smooth is filled nearly exactly before anything is learnt; a rival moves the goal
    moves = name == "mae" or "rival" in " ".join(rows[-1])  # and four numbers hold little of what patches say
    slack = 1.05 if moves else 1.01 if careful(name) else 1.0
    gathers = name == "one-class"  # codes at one centre hold less of each sample
    assert gathers or rows[-1]["validation_distance"] < slack * rows[0]["validation_distance"]


@pytest.mark.parametrize("name", ist.RECIPES)
def test_a_run_comes_back_from_its_folder_with_the_same_bits(name, data, trained):
    run = trained(name)
    again = ist.load(run.folder)
    assert again.model.blueprint == run.model.blueprint
    assert_equal(weights_of(again.model), weights_of(run.model))
    assert torch.equal(again.reconstruct(data.test), run.reconstruct(data.test))


@pytest.mark.parametrize("name", GRADIENT)
def test_a_run_that_was_killed_and_resumed_equals_one_that_was_not(name, data, trained):
    whole = trained(name)
    resumed = ist.resume(whole.folder.with_name("broken"), data=data, progress=False)
    assert resumed.status == "finished"
    assert_equal(weights_of(resumed.model), weights_of(whole.model))
    assert [row["loss"] for row in resumed.history] == [row["loss"] for row in whole.history]


@pytest.mark.parametrize("name", GRADIENT)
def test_bfloat16_trains_too(name, data):
    raw, labels = data.train.batch(torch.arange(32)), torch.arange(32) % 2
    losses = []
    for precision in ("float32", "bfloat16"):
        model = build(name, data)
        settings = Settings(compile=False, precision=precision, optimiser="sgd")
        optimiser = Optimiser(settings, dict(model.named_parameters()))
        step = make_step(model, optimiser, settings, torch.device("cpu"), 32)
        inputs = Inputs(raw, model.draw(32, torch.Generator().manual_seed(0)), labels)
        losses.append(float(step(inputs, None, 0.001)[0]))
        assert all(bool(weight.isfinite().all()) for weight in model.parameters())
    # a product rounds both factors to 8 bits, by 2^-9 each; independent layers add up in squares; a square doubles it
    products = sum(weight.ndim > 1 for weight in model.parameters())
    assert losses[1] == pytest.approx(losses[0], rel=2 * math.sqrt(products) * 2**-8)


@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("name", COMPILED)
def test_compiled_equals_eager(name, data):
    raw, labels = data.train.batch(torch.arange(32)), data.train.labels[:32]
    moved = []
    for compile_ in (False, True):
        model = build(name, data)
        settings = Settings(compile=compile_, optimiser="sgd")
        optimiser = Optimiser(settings, dict(model.named_parameters()))
        step = make_step(model, optimiser, settings, torch.device("cpu"), 32)
        inputs = Inputs(raw, model.draw(32, torch.Generator().manual_seed(0)), labels)
        moved.append({"loss": step(inputs, None, 0.1)[0]} | weights_of(model))
    torch.testing.assert_close(*moved, rtol=1e-4, atol=1e-5)


def words_of(name):
    """A small recipe as words of the command line."""
    changes = [
        f"{option}={''.join(f'{one},' for one in value) if isinstance(value, tuple) else value}"
        for option, value in SMALLER.get(name, {}).items()
    ]
    return ["--recipe", name, *(word for change in ["code=4", *changes] for word in ("--set", change))]


@pytest.mark.parametrize("name", ist.RECIPES)
def test_the_command_line_names_the_same_blueprint(name):
    changes = parsing.settings(words_of(name)[3::2])
    assert named_model(name, changes) == small(name)


@pytest.mark.parametrize("name", ONE_OF_EACH_KIND)
def test_python_json_and_the_command_line_make_the_same_run(name, tmp_path):
    kind = kind_of(name)
    source = kind.save(tmp_path)
    file = tmp_path / "blueprint.json"
    file.write_text(json.dumps(small(name).to_json()))
    data = kind.open(source)
    run = ist.fit(
        small(name).build(data), data, epochs=1, batch_size=32, learning_rate=1e-3, compile=False,
        progress=False,
    )  # fmt: skip
    shared = ["--epochs", "1", "--batch-size", "32", "--learning-rate", "0.001", "--compile", "no", "--quiet"]
    shared += kind.words(source)
    for way, words in {"named": words_of(name), "json": ["--blueprint", str(file)]}.items():
        folder = tmp_path / way
        result = CliRunner().invoke(app, ["train", str(source), *words, "--out", str(folder), *shared])
        assert result.exit_code == 0, result.output
        assert_equal(weights_of(ist.load(folder).model), weights_of(run.model))


def test_the_linear_tied_one_spans_the_plane_of_the_principal_components():
    spread = np.random.default_rng(0).normal(size=(400, 8)) * [3, 2, 1.5, 0.3, 0.2, 0.2, 0.1, 0.1]
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))[0]
    data = ist.open_data((spread @ turn).astype(np.float32), scaling="none")
    model = ist.recipe("tied", code=3).build(data)
    run = fit(model, data, epochs=150, learning_rate=0.01, schedule="cosine")
    product = next(layer for layer in model.encoder.modules() if isinstance(layer, torch.nn.Linear))
    plane = torch.linalg.qr(product.weight.detach().cpu().double().T)[0]
    cosines = torch.linalg.svdvals(run.baseline().to_tensors()["components"] @ plane)
    assert float(cosines.min()) > 0.999
