"""A model on disk: the same bits again, or one clear message, and never code."""

import errno
import os
import pickle
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from isthmus.data.scaling import Scaling
from isthmus.errors import BlueprintError, IsthmusError, RunError
from isthmus.model.autoencoder import Autoencoder
from isthmus.model.blueprint import Blueprint
from isthmus.model.recipes import RECIPES, recipe
from isthmus.model.store import describe_model, make_folder, put_weights, rebuild
from isthmus.parts import L1, ActivationL1, Conv, Dense, Distance, Gaussian, GaussianNoise, Plain, Sse
from isthmus.storage.checked import load_json, load_tensors, save_json, save_tensors
from isthmus.storage.files import MODEL
from isthmus.storage.run_folder import WEIGHTS


class Data:
    shape = (1, 6, 7)
    scaling = Scaling("bytes", 0.0, 255.0, (0.0, 1.0))
    label_names = ("low", "high")


def save_model(model, folder):
    folder = make_folder(folder)
    save_json(folder / MODEL, describe_model(model))
    save_tensors(folder / WEIGHTS, model.state_dict())
    return folder


def load_model(folder, model=None):
    model = rebuild(folder, model)
    put_weights(model, load_tensors(folder / WEIGHTS)[0], folder / WEIGHTS)
    return model.eval()


def deep(seed: int = 0) -> Autoencoder:
    return Blueprint(network=Dense(widths=(9,)), code=Plain(size=3)).build((1, 6, 7), seed=seed)


@pytest.fixture
def saved(tmp_path) -> Path:
    return save_model(deep(), tmp_path / "run")


def change(path: Path, **fields) -> None:
    """Change what a file says, with the checksum that goes with it."""
    save_json(path, load_json(path, sealed=True) | fields)


def refusal(folder: Path, kind: type[IsthmusError] = RunError) -> str:
    """The one line with which a folder is refused."""
    with pytest.raises(kind) as caught:
        load_model(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert str(folder) in message or kind is BlueprintError
    return message


BLUEPRINTS = [
    *(row.blueprint for row in RECIPES.values() if row.data in ("any", "pictures")),
    recipe("conv", form="strided", normalisation="batch", dropout=0.1),
    Blueprint(
        network=Dense(widths=(9,), tied=True, normalisation="layer"),
        code=Plain(size=(2, 2)),
        distance=Gaussian(scale=0.1),
        penalties=(ActivationL1(warmup=3),),
    ),
]


@pytest.mark.parametrize("blueprint", BLUEPRINTS, ids=str)
def test_a_model_comes_back_with_the_same_bits(blueprint, tmp_path):
    model = blueprint.with_options(code=4).build(Data(), seed=5)
    raw, labels = torch.randint(0, 256, (4, 1, 6, 7), dtype=torch.uint8), torch.tensor([0, 1, 1, 0])
    model(raw, labels=labels)  # moves the statistics of batch normalisation
    again = load_model(save_model(model, tmp_path / "run"))
    assert again.blueprint == model.blueprint
    assert (again.shape, again.code_shape) == (model.shape, model.code_shape)
    assert again.scaling.to_json() == model.scaling.to_json()
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    assert not again.training
    assert torch.equal(again.reconstruct(raw, labels), model.eval().reconstruct(raw, labels))


def test_scaling_by_columns_comes_back_exactly(tmp_path):
    class Table:
        shape = (3,)
        scaling = Scaling("standardise", torch.tensor([0.1, -2.7, 1e9]), torch.tensor([1 / 3, 1e-7, 3e8]))

    model = Blueprint(network=Dense(), code=Plain(size=2)).build(Table())
    again = load_model(save_model(model, tmp_path))
    assert torch.equal(again.scaling.shift, model.scaling.shift)
    assert torch.equal(again.scaling.scale, model.scaling.scale)


def test_saving_again_takes_the_place_of_the_old(tmp_path):
    save_model(deep(seed=0), tmp_path)
    save_model(deep(seed=1), tmp_path)
    assert torch.equal(next(load_model(tmp_path).parameters()), next(deep(seed=1).parameters()))
    assert {path.name for path in tmp_path.iterdir()} == {MODEL, WEIGHTS}


def test_a_folder_that_is_missing_is_named(tmp_path):
    assert "There is no folder" in refusal(tmp_path / "no")


def test_a_folder_without_a_model_is_refused(tmp_path):
    assert "contains no model: model.json is missing" in refusal(tmp_path)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("hello")
    assert "contains no model" in refusal(tmp_path / "file")


def test_a_model_without_weights_is_refused(saved):
    (saved / WEIGHTS).unlink()
    assert "is missing" in refusal(saved)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe\x00", b"not json", b'{"format": 1'], ids=repr)
def test_damaged_json_is_said_to_be_damaged(saved, text):
    (saved / MODEL).write_bytes(text)
    assert "is damaged" in refusal(saved)


@pytest.mark.parametrize("text", ["[]", "3", "null", "{}", '{"model": "something else"}', '"format blueprint"'])
def test_somebody_elses_json_is_refused(saved, text):
    (saved / MODEL).write_text(text)
    assert "not an Isthmus model description" in refusal(saved)


@pytest.mark.parametrize("number", [0, 3, 99, "1", None, True])
def test_another_format_is_refused_with_what_to_do(saved, number):
    change(saved / MODEL, format=number)
    assert f"format {number!r}, but this version reads formats 1 to 2. Update Isthmus" in refusal(saved)


@pytest.mark.parametrize(
    "fields",
    [
        {"shape": "784"},
        {"shape": [1, 6.5, 7]},
        {"shape": []},
        {"shape": [1, -6, 7]},
        {"shape": None},
        {"shape": [True, 6, 7]},
        {"scaling": None},
        {"scaling": {"kind": "bytes"}},
        {"scaling": {"kind": "magic", "range": None, "shift": 0, "scale": 1}},
    ],
    ids=str,
)
def test_a_description_with_impossible_values_is_damaged(saved, fields):
    change(saved / MODEL, **fields)
    assert "is damaged" in refusal(saved)


def test_a_blueprint_that_will_not_do_is_said_in_its_own_words(saved):
    change(saved / MODEL, blueprint={"network": {"kind": "dense", "widths": [0]}, "code": {"kind": "plain", "size": 3}})
    assert "network.widths[0] is 0" in refusal(saved, BlueprintError)


def test_a_model_that_names_an_unknown_part_wants_its_module_imported(tmp_path):
    class Cosine(Distance):
        def __call__(self, output, target, observed=None):
            return 1 - torch.cosine_similarity(output.flatten(1), target.flatten(1))

    model = Blueprint(network=Dense(), code=Plain(size=2), distance=Cosine()).build((5,))
    save_model(model, tmp_path)
    assert load_model(tmp_path).distance == model.distance
    del Distance._kinds["cosine"]
    message = refusal(tmp_path, BlueprintError)
    assert "Unknown distance 'cosine'" in message
    assert "import the module that defines it first" in message


@pytest.mark.parametrize("keep", [0, 1, 8, 100, 0.5, 0.99])
def test_truncated_weights_are_refused(saved, keep):
    whole = (saved / WEIGHTS).read_bytes()
    (saved / WEIGHTS).write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    assert "can't be read" in refusal(saved)


def test_one_flipped_bit_anywhere_is_noticed(saved):
    whole = (saved / WEIGHTS).read_bytes()
    generator = torch.Generator().manual_seed(0)
    places = [len(whole) - 1, *torch.randint(len(whole), (60,), generator=generator).tolist()]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        (saved / WEIGHTS).write_bytes(damaged)
        refusal(saved)


def test_a_renamed_tensor_is_noticed(saved):
    tensors, _ = load_tensors(saved / WEIGHTS)
    tensors["encoder.other.weight"] = tensors.pop("encoder.code.weight")
    save_tensors(saved / WEIGHTS, tensors)
    message = refusal(saved)
    assert "'encoder.code.weight' is only in one of the two" in message


@pytest.mark.parametrize("change_it", [lambda t: t[:, :-1], lambda t: t.double(), lambda t: t.flatten()])
def test_a_tensor_of_another_shape_or_kind_is_noticed(saved, change_it):
    tensors, _ = load_tensors(saved / WEIGHTS)
    tensors["encoder.code.weight"] = change_it(tensors["encoder.code.weight"])
    save_tensors(saved / WEIGHTS, tensors)
    assert "'encoder.code.weight'" in refusal(saved)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused(saved, value):
    tensors, _ = load_tensors(saved / WEIGHTS)
    tensors["encoder.code.weight"][0, 0] = value
    save_tensors(saved / WEIGHTS, tensors)
    assert "not finite" in refusal(saved)


def test_another_models_weights_are_refused(saved, tmp_path):
    other = save_model(Blueprint(network=Conv(), code=Plain(size=3)).build((1, 6, 7)), tmp_path / "other")
    (saved / WEIGHTS).write_bytes((other / WEIGHTS).read_bytes())
    assert "don't fit this model" in refusal(saved)


def test_somebody_elses_safetensors_are_refused(saved):
    safetensors.torch.save_file({"a": torch.zeros(3)}, saved / WEIGHTS)
    assert "was not written by Isthmus" in refusal(saved)


class Trap:
    """Something that, unpickled, would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("how", ["pickle", "torch"])
@pytest.mark.parametrize("name", [WEIGHTS, MODEL])
def test_code_in_a_file_is_never_run(saved, tmp_path, how, name):
    trap = tmp_path / "trapped"
    if how == "pickle":
        (saved / name).write_bytes(pickle.dumps(Trap(trap)))
    else:
        torch.save({"encoder.code.weight": Trap(trap)}, saved / name)
    refusal(saved)
    assert not trap.exists()


def own(**options) -> Autoencoder:
    torch.manual_seed(0)
    return Autoencoder(nn.Linear(12, 3), nn.Linear(3, 12), shape=(12,), **options)


def test_modules_of_ones_own_come_back_when_they_are_given_again(tmp_path):
    with torch.random.fork_rng(devices=[]):
        model = own(scaling=Scaling("minmax", 1.0, 2.0, (0.0, 1.0)))
        save_model(model, tmp_path)
        again = own(scaling=Scaling("minmax", 1.0, 2.0, (0.0, 1.0)))
    with torch.no_grad():
        again.encoder.get_parameter("weight").zero_()
    assert load_model(tmp_path, model=again) is again
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), again.parameters(), strict=True))
    assert "uses custom modules" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (own, "The given model has scaling"),
        (lambda: Autoencoder(nn.Linear(9, 3), nn.Linear(3, 9), shape=(9,)), "The given model has shape [9]"),
        (lambda: Autoencoder(nn.Linear(12, 4), nn.Linear(4, 12), shape=(12,)), "The given model has code shape [4]"),
    ],
)
def test_modules_in_another_composition_are_refused(tmp_path, other, words):
    with torch.random.fork_rng(devices=[]):
        save_model(own(scaling=Scaling("minmax", 1.0, 2.0, (0.0, 1.0))), tmp_path)
        with pytest.raises(RunError) as caught:
            load_model(tmp_path, model=other())
    assert words in str(caught.value)


def test_the_parts_around_modules_of_ones_own_are_checked_when_they_come_back(tmp_path):
    def build(**other):
        parts = {"penalties": [ActivationL1(weight=0.1)], "corruption": GaussianNoise(sigma=0.1), "distance": Sse()}
        return own(**parts | other)

    with torch.random.fork_rng(devices=[]):
        save_model(build(), tmp_path)
        assert load_model(tmp_path, model=build()).distance == Sse(link="identity")
        others = {
            "distance": L1(),
            "penalties": [ActivationL1(weight=0.2)],
            "corruption": GaussianNoise(sigma=0.2),
            "code": Plain(activation="relu"),
        }
        for name, part in others.items():
            with pytest.raises(
                RunError, match=rf"^The given model has {name} .* but .*model\.json has .*{name}="
            ) as caught:
                load_model(tmp_path, model=build(**{name: part}))
            assert "\n" not in str(caught.value)
        with pytest.raises(RunError, match="The given model has penalties"):
            load_model(tmp_path, model=build(penalties=[]))


def test_a_weight_that_two_layers_share_is_saved_and_stays_shared(tmp_path):
    def build():
        layer = nn.Linear(6, 6)
        return Autoencoder(nn.Sequential(layer, nn.ReLU(), layer), nn.Linear(6, 6), shape=(6,))

    with torch.random.fork_rng(devices=[]):
        model, again = build(), build()
    load_model(save_model(model, tmp_path), model=again)
    assert again.encoder.get_submodule("0") is again.encoder.get_submodule("2")
    assert torch.equal(again(torch.ones(1, 6)).output, model(torch.ones(1, 6)).output)


TENSORS = {
    "float": torch.randn(3, 4),
    "half": torch.randn(5).half(),
    "brain": torch.randn(5).bfloat16(),
    "bytes": torch.arange(256).byte(),
    "bits": torch.tensor([True, False]),
    "count": torch.tensor(7),
    "empty": torch.zeros(0, 3),
    "turned": torch.randn(3, 4).T,
}


def test_tensors_of_every_kind_come_back_with_their_notes(tmp_path):
    notes = {"epoch": 3, "words": "ä", "list": [1, None]}
    save_tensors(tmp_path / "a.safetensors", TENSORS, notes)
    tensors, read = load_tensors(tmp_path / "a.safetensors")
    assert read == notes
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor), name


def test_changed_notes_are_noticed(tmp_path):
    path = tmp_path / "a.safetensors"
    save_tensors(path, {"a": torch.zeros(3)}, {"epoch": 3})
    path.write_bytes(path.read_bytes().replace(b'epoch\\": 3', b'epoch\\": 4', 1))
    with pytest.raises(RunError, match="checksum differs"):
        load_tensors(path)


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "can't be written")],
)
@pytest.mark.parametrize("moment", [(os, "fsync"), (os, "open"), (safetensors.torch, "save_file")], ids=lambda m: m[1])
def test_a_disk_that_refuses_leaves_the_old_model_whole(saved, monkeypatch, number, words, moment):
    before = {path.name: path.read_bytes() for path in saved.iterdir()}

    def refuse(*_, **__):
        if moment[1] == "save_file":
            raise safetensors.SafetensorError(f"Error while serializing: I/O error: refused (os error {number})")
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(*moment, refuse)
    with pytest.raises(IsthmusError, match=words) as caught:
        save_tensors(saved / WEIGHTS, Blueprint(network=Conv()).build((1, 6, 7), remarks=False).state_dict())
    monkeypatch.undo()
    assert "\n" not in str(caught.value)
    after = {path.name: path.read_bytes() for path in saved.iterdir()}
    assert after == before
    load_model(saved)


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(IsthmusError, match="is a file, not a folder"):
        save_model(deep(), tmp_path / "file" / "run")
    with pytest.raises(IsthmusError, match="Could not write"):
        save_model(deep(), tmp_path / "file")


def test_what_safetensors_refuses_for_another_reason_is_passed_on(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise safetensors.SafetensorError("something odd")

    monkeypatch.setattr(safetensors.torch, "save_file", refuse)
    with pytest.raises(IsthmusError, match="something odd"):
        save_tensors(tmp_path / "a.safetensors", {"a": torch.zeros(1)})
    assert list(tmp_path.iterdir()) == []


def test_files_can_be_read_by_whom_the_system_lets(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    save_tensors(tmp_path / "tensors.safetensors", {"a": torch.zeros(3)})
    assert (tmp_path / "tensors.safetensors").stat().st_mode == (tmp_path / "plain").stat().st_mode
