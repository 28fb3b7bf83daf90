"""Each finding's cure, obeyed as it is printed, ends the finding."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

import isthmus as ist
from isthmus.doctor import CHECKS
from isthmus.model.autoencoder import Autoencoder
from isthmus.training import Settings
from vocabularies import SENTENCES

QUICK: dict[str, Any] = {"progress": False, "compile": False}


class Patient(NamedTuple):
    """A run, and how its data are opened again with another scaling."""

    run: ist.Run
    source: Any
    how: dict[str, Any]


def patient(model: Callable[[ist.Data], ist.Autoencoder], source: Any = "digits", *, take: int = 0, **settings: Any):
    """A run on all of a source, or on its first samples."""
    how = {name: settings.pop(name) for name in ("scaling", "validation", "test") if name in settings}
    if take:
        source = ist.open_data(source).train.take(range(take))
    data = ist.open_data(source, **how)
    return Patient(ist.fit(model(data), data, **QUICK, **settings), source, how)


def built(recipe: str, change: Callable[[ist.Autoencoder], None] = lambda model: None, **options: Any):
    """A recipe's model for data, its weights changed."""

    def build(data: ist.Data) -> ist.Autoencoder:
        model = ist.recipe(recipe, **options).build(data, remarks=False)
        with torch.no_grad():
            change(model)
        return model

    return build


def table(columns: int, noise: float, rows: int = 400) -> np.ndarray:
    """Rows that vary in three directions, and some noise."""
    generator = np.random.default_rng(0)
    inner = generator.normal(size=(rows, 3)) @ generator.normal(size=(3, columns))
    return (inner + noise * generator.normal(size=(rows, columns))).astype(np.float32)


def bias(model: ist.Autoencoder) -> None:
    model.encoder.get_submodule("dense1.0").get_parameter("bias")[:50] = -10.0


def weights(times: float) -> Callable[[ist.Autoencoder], None]:
    def change(model: ist.Autoencoder) -> None:
        model.encoder.get_submodule("dense1.0").get_parameter("weight").mul_(times)

    return change


def halves(model: ist.Autoencoder) -> None:
    encoder, decoder = (model.encoder.get_submodule("code"), model.decoder.get_submodule("output"))
    encoder.get_parameter("weight")[8:] = encoder.get_parameter("weight")[:8]
    decoder.get_parameter("weight")[:, 8:] = decoder.get_parameter("weight")[:, :8]


def bright(model: ist.Autoencoder) -> None:
    model.decoder.get_submodule("output").get_parameter("bias").add_(0.5)


class Leap(nn.Module):
    """A decoder that is exact where the code's first number is beyond 1, and far off in between."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        rows = torch.cat((z, z[:, 1:2]), 1)
        return torch.where(z[:, :1].abs() > 1, rows, 30 * torch.ones_like(rows))


def gaps() -> Patient:
    rows = np.random.default_rng(0).normal(size=(400, 6))
    rows[:, 0] = np.where(rows[:, 0] > 0, 2, -2) + 0.1 * rows[:, 0]
    rows[:, 5] = rows[:, 1]
    data = ist.open_data(rows.astype(np.float32), scaling="none", test=0.25, validation=0)
    model = Autoencoder(First(), Leap(), shape=(6,))
    run = ist.Run(model.eval(), Settings(epochs=10), data=data, description=data.description)
    return Patient(run, rows, {})


class First(nn.Module):
    """An encoder that keeps all numbers but the last."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :-1]


def scaling() -> Patient:
    rows = table(9, 0.1) * np.repeat([1e3, 1.0, 1e-3], 3).astype(np.float32)
    return patient(built("deep", code=3, widths=(16,)), rows, scaling="none", epochs=5)


def burst() -> Patient:
    """A run whose history tells of a burst; whether steps that are too long burst hangs on the last bits of sums."""
    found = patient(built("deep", code=3, widths=(16,)), table(9, 0.1), epochs=4, learning_rate=1e-2)
    found.run.history[0]["loss"] = 2000 * found.run.history[1]["loss"]
    return found


def imbalance() -> Patient:
    whole = ist.open_data("digits")
    assert whole.train.labels is not None
    data = replace(whole, train=whole.train.take((whole.train.labels != 0).nonzero()[:, 0]))
    model = ist.recipe("deep", code=8, widths=(64,)).build(data, remarks=False)
    return Patient(ist.fit(model, data, epochs=15, batch_size=32, learning_rate=3e-3, **QUICK), "digits", {})


LEARNT: dict[str, Any] = {"batch_size": 32, "learning_rate": 3e-3}
FAST: dict[str, Any] = {"batch_size": 8, "learning_rate": 2e-3}
SICK: dict[str, list[Callable[[], Patient]]] = {
    "scaling": [scaling],
    "learning rate too high": [
        lambda: patient(built("deep", code=8, widths=(32,)), epochs=8, batch_size=64, learning_rate=0.5),
    ],
    "posterior collapse": [
        lambda: patient(built("vae", code=8, widths=(32,), weight=20), epochs=12, **LEARNT),
    ],
    "code ignored": [
        lambda: patient(
            built("text-vae", code=4, widths=(32,), embedding=8, word_dropout=0.0, free_bits=0.05, weight=20),
            SENTENCES * 4,
            epochs=20,
            batch_size=16,
            learning_rate=1e-2,
        ),
    ],
    "learning rate too low": [
        lambda: patient(built("deep", code=8, widths=(32,)), epochs=20, batch_size=64, learning_rate=3e-5),
    ],
    "saturated units": [
        lambda: patient(built("deep", weights(300), code=8, widths=(32,), activation="tanh"), epochs=5, **LEARNT),
    ],
    "dead units": [
        lambda: patient(built("deep", bias, code=8, widths=(64,), activation="relu"), epochs=5, **LEARNT),
    ],
    "duplicate units": [lambda: patient(built("vanilla", halves, code=16), epochs=5, **LEARNT)],
    "copying": [lambda: patient(built("pca", code=12), table(12, 0.3))],
    "no bottleneck": [
        lambda: patient(built("deep", code=12, widths=(16,), start="mean"), table(9, 0.3), epochs=20, **LEARNT),
    ],
    "burst at the start": [burst],
    "memorising": [
        lambda: patient(
            built("deep", code=1, widths=(256, 256)), take=120, validation=0, test=80 / 120, epochs=120, **FAST
        ),
    ],
    "replaying": [
        lambda: patient(
            built("deep", code=1, widths=(256, 256, 256)),
            take=100,
            validation=0,
            test=0.8,
            epochs=200,
            schedule="cosine",
            **FAST,
        ),
    ],
    "overfitting": [
        lambda: patient(
            built("deep", code=4, widths=(256, 128)),
            table(12, 1.0, rows=200),
            validation=0.3,
            test=0.3,
            epochs=60,
            batch_size=16,
            learning_rate=3e-3,
        ),
    ],
    "worse than PCA": [
        lambda: patient(built("vanilla", code=16, code__activation="sigmoid"), epochs=8, **LEARNT),
        lambda: patient(built("conv", code=8, channels=(4, 4)), epochs=1, batch_size=256, learning_rate=1e-4),
    ],
    "worse than nothing": [
        lambda: patient(built("denoise", bright, channels=(8,), sigma=0.3), take=300, epochs=1, **LEARNT),
    ],
    "latent gaps": [gaps],
    "class imbalance": [imbalance],
}
"""For each illness, runs that have it."""
CASES = [
    pytest.param(name, make, id=f"{name} {place + 1}") for name, runs in SICK.items() for place, make in enumerate(runs)
]


def obeyed(given: Patient, finding: Any) -> ist.Run:
    """The run that the finding's command makes, a line of Python for runs in memory."""
    run = given.run
    data = run.open()
    line = finding.command
    if scaled := re.search(r'open_data\(…, scaling="(\w+)"\)', line):
        how: dict[str, Any] = {**given.how, "scaling": scaled[1]}
        data = ist.open_data(given.source, **how)
        line = line.replace(scaled[0], "data")
    made = re.sub(r"\)$", ", **quick)", line)
    return eval(made, {"ist": ist, "model": run.model, "data": data, "quick": QUICK})


@pytest.mark.parametrize(("name", "make"), CASES)
def test_a_cure_that_is_obeyed_ends_the_finding(name, make):
    given = make()
    found = {finding.name: finding for finding in ist.diagnose(given.run)}
    assert name in found, "else it is no patient"
    finding = found[name]
    if not finding.command:  # it asks for other data
        assert name == "class imbalance"
        assert "more samples of the class 0" in finding.cure
        data = ist.open_data(given.source)
        blueprint = given.run.model.blueprint
        assert blueprint is not None
        cured = ist.fit(blueprint.build(data), data, epochs=15, batch_size=32, learning_rate=3e-3, **QUICK)
    else:
        cured = obeyed(given, finding)
    assert name not in [finding.name for finding in ist.diagnose(cured)], finding.command


def test_every_illness_has_a_patient():
    assert set(SICK) == {check.name for check in CHECKS}


def test_hidden_layers_behind_a_code_of_two_numbers_may_repeat_themselves():
    """Of 400 units that see two numbers most are alike, and no smaller code would change that."""
    given = patient(built("vae", code=2, widths=(40,)), epochs=4, **LEARNT)
    assert "duplicate units" not in [finding.name for finding in ist.diagnose(given.run)]


@pytest.mark.parametrize("recipe", ["vq", "conv", "vanilla"])
def test_no_cure_names_a_code_that_can_not_be_built(recipe):
    """A vq code's size is a multiple of its vectors' length."""
    from isthmus.doctor import cure
    from isthmus.doctor.examination import Examination

    options: dict[str, Any] = {"code__length": 8, "code": 64} if recipe == "vq" else {"code": 64}
    of = Examination.of_run(patient(built(recipe, **options), epochs=1).run)
    assert cure.possible(of, {"code": 8})
    assert not cure.possible(of, {"code": 0})
    assert cure.possible(of, {"code": 15}) == (recipe != "vq")


def test_a_cure_is_judged_by_shape_and_scaling_alone_where_a_run_has_no_data(monkeypatch):
    from isthmus.doctor import cure
    from isthmus.doctor.examination import Examination
    from isthmus.model import start

    of = Examination.of_run(patient(built("deep", code=8, start="pca"), epochs=1).run)
    monkeypatch.setattr(of, "run", None)
    monkeypatch.setattr(start, "principal_components", lambda *_: pytest.fail("no start is found for a trial build"))
    assert cure.possible(of, {"code": 4})
    assert not cure.possible(of, {"code": 0})
