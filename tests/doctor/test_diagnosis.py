"""The doctor finds what was made sick on purpose, and nothing in what is healthy."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import isthmus as ist
from isthmus.cli.main import app
from isthmus.doctor import CHECKS
from isthmus.drawing.theme import LIGHT
from isthmus.model.autoencoder import Autoencoder

QUICK = (
    *("duplicate units", "learning rate too high", "learning rate too low", "posterior collapse", "scaling"),
    *("latent gaps", "no bottleneck"),
)
"""Patients that take a second or two; the others are the benchmark's, over ten seeds."""


@pytest.mark.parametrize("illness", QUICK)
def test_sick_model_gets_its_finding_and_no_other(patients, illness):
    assert [finding.name for finding in ist.diagnose(patients(illness))] == [illness]


@pytest.mark.parametrize("recipe", ["tied", "pca", "vanilla"])
def test_healthy_model_gets_none(patients, recipe):
    assert ist.diagnose(patients(recipe)) == []


@pytest.mark.parametrize("illness", QUICK)
def test_number_lies_on_the_wrong_side_of_its_limit(patients, illness):
    (finding,) = ist.diagnose(patients(illness))
    if illness != "learning rate too high":  # here the loss stands still, and does not leap
        assert finding.number > finding.limit if finding.healthy == "at most" else finding.number < finding.limit
    assert finding.words.endswith(".")
    assert finding.cure.endswith(".")
    assert "ist.fit(" in finding.command
    assert set(finding.to_json()) == {
        *("name", "severity", "words", "number", "unit", "limit", "healthy", "cure", "command")
    }


@pytest.mark.parametrize("illness", QUICK)
def test_picture_can_be_drawn(patients, illness):
    (finding,) = ist.diagnose(patients(illness))
    if finding.picture is None:  # two numbers need none
        assert illness == "no bottleneck"
        return
    assert finding.picture.draw(LIGHT).axes
    assert finding.picture.alt
    assert finding.picture.caption


@pytest.mark.slow  # test_cure.py has smaller patients of both illnesses
def test_one_number_trained_long_on_few_samples_memorises_and_replays(patients):
    assert [finding.name for finding in ist.diagnose(patients("replaying"))] == ["memorising", "replaying"]


def own_model(encoder: nn.Module, decoder: nn.Module, width: int) -> Autoencoder:
    return Autoencoder(encoder, decoder, shape=(width,))


def run_of(model: Autoencoder, data: ist.Data) -> ist.Run:
    from isthmus.training import Settings

    return ist.Run(model.eval(), Settings(), data=data, description=data.description)


def table(rows: int, columns: int, seed: int = 0) -> ist.Data:
    generator = np.random.default_rng(seed)
    inner = generator.normal(size=(rows, 2)) @ generator.normal(size=(2, columns))
    noise = 0.1 * generator.normal(size=(rows, columns))
    return ist.open_data((inner + noise).astype(np.float32), scaling="none", test=0.25, validation=0)


def test_identity_copies_and_a_projection_does_not():
    data = table(400, 6)
    found = ist.diagnose(run_of(own_model(nn.Identity(), nn.Identity(), 6), data))
    assert [finding.name for finding in found] == ["copying"]
    assert found[0].number == pytest.approx(1)


def test_model_that_gives_back_the_nearest_training_sample_replays():
    class Nearest(nn.Module):
        """What a decoder does that has learnt the training samples by heart."""

        def __init__(self, samples: torch.Tensor) -> None:
            super().__init__()
            self.samples = samples

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.samples[torch.cdist(x, self.samples).argmin(1)]

    generator = torch.Generator().manual_seed(0)
    data = ist.open_data(torch.randn(60, 12, generator=generator).numpy(), scaling="none", test=0.5, validation=0)
    names = [f.name for f in ist.diagnose(run_of(own_model(nn.Identity(), Nearest(data.train.tensor()), 12), data))]
    assert "replaying" in names
    assert "memorising" in names


def test_model_with_a_hole_between_its_codes_has_latent_gaps():
    class Far(nn.Module):
        """A decoder that is exact where the code's first number is beyond 1, and wild in between."""

        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return torch.where(z[:, :1].abs() > 1, z, 30 * torch.ones_like(z))

    generator = np.random.default_rng(0)
    values = generator.normal(size=(400, 6))
    values[:, 0] = np.where(values[:, 0] > 0, 2, -2) + 0.1 * values[:, 0]
    data = ist.open_data(values.astype(np.float32), scaling="none", test=0.25, validation=0)
    names = [f.name for f in ist.diagnose(run_of(own_model(nn.Identity(), Far(), 6), data))]
    assert "latent gaps" in names


def test_exact_model_without_a_held_out_part_has_no_gaps():
    values = table(400, 6).train.tensor().numpy()
    data = ist.open_data(values, scaling="none", test=0, validation=0)
    names = [finding.name for finding in ist.diagnose(run_of(own_model(nn.Identity(), nn.Identity(), 6), data))]
    assert names == ["copying"]


def test_groups_with_nothing_between_them_are_how_the_data_are_and_no_gaps_of_the_model():
    generator = np.random.default_rng(0)
    rows = 3 * generator.normal(size=(8, 16))[generator.integers(0, 8, 400)] + 0.1 * generator.normal(size=(400, 16))
    data = ist.open_data(rows.astype(np.float32), test=0.25)
    for code in (8, 1):
        run = ist.fit(ist.recipe("pca", code=code).build(data), data, progress=False)
        assert ist.diagnose(run) == []


def test_loss_that_leaps_and_yet_falls_on_is_healthy():
    data = table(200, 6)
    run = run_of(own_model(nn.Identity(), nn.Identity(), 6), data)
    leaps = [1.0, 0.4, 0.5, 0.4, 0.5, 0.35, 0.45, 0.3, 0.4, 0.3]
    rows = [{"epoch": place + 1, "loss": loss} for place, loss in enumerate(leaps)]
    for held, names in (([0.5] * 10, ["learning rate too high"]), ([loss / 2 for loss in leaps], [])):
        run.history[:] = [row | {"validation_loss": loss} for row, loss in zip(rows, held, strict=True)]
        assert [f.name for f in ist.diagnose(run) if f.name != "copying"] == names


def test_wide_code_with_a_corruption_is_no_illness():
    data = table(200, 6)
    model = ist.recipe("denoising", code=8).build(data)
    run = ist.fit(model, data, epochs=2, progress=False, compile=False)
    assert "no bottleneck" not in [finding.name for finding in ist.diagnose(run)]


def test_rarely_active_unit_is_not_dead():
    class Rare(nn.Module):
        """Eight numbers, of which seven answer to one sample in fifty."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat((x[:, :1], torch.relu(x[:, :7] - 2)), 1)

    data = ist.open_data(np.random.default_rng(0).normal(size=(1000, 8)).astype(np.float32), scaling="none")
    names = [f.name for f in ist.diagnose(run_of(own_model(Rare(), nn.Identity(), 8), data))]
    assert "dead units" not in names


def test_tiny_test_part_raises_no_alarm_of_its_own():
    data = table(60, 6)
    tiny = ist.open_data(data.train.tensor().numpy(), scaling="none", test=3 / 45, validation=0)
    pca = ist.fit(ist.recipe("pca", code=2).build(tiny), tiny, progress=False)
    assert ist.diagnose(pca) == []


def test_findings_of_a_run_in_a_folder_come_with_commands_that_are_understood(tmp_path):
    data = ist.open_data("digits")
    model = ist.recipe("deep", code=8).build(data)
    run = ist.fit(model, data, epochs=6, learning_rate=0.1, out=tmp_path / "a run", progress=False)
    (finding,) = ist.diagnose(run)
    assert finding.name == "learning rate too high"
    assert f"--out '{tmp_path}/a run-cured'" in finding.command
    assert "--learning-rate 0.001" not in finding.command  # which is the default, and needs no word
    import shlex

    from typer.testing import CliRunner

    words = [*shlex.split(finding.command)[1:], "--epochs", "8", "--quiet"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "learning rate too high" not in [f.name for f in ist.diagnose(ist.load(f"{tmp_path}/a run-cured"))]


def test_every_check_says_its_limit_where_it_is_defined():
    for check in CHECKS:
        assert check.examine.__doc__ is not None
        if check.name != "learning rate too high":
            assert re.search(r"[Ll]imit", check.examine.__doc__), check.name


def test_what_explains_comes_before_what_is_explained():
    names = [check.name for check in CHECKS]
    for place, check in enumerate(CHECKS):
        assert set(check.explained_by) <= set(names[:place]), check.name


def test_a_model_that_corrects_what_comes_in_may_copy_what_needs_no_correction():
    tiny = ist.open_data("digits")
    model = ist.recipe("inpaint", channels=(4,)).build(tiny)
    run = ist.fit(model, tiny, epochs=1, compile=False, progress=False)
    assert not [finding for finding in ist.diagnose(run) if finding.name == "copying"]


def test_restorer_that_makes_samples_worse_is_told_and_one_that_mends_them_is_not():
    data = ist.open_data("digits")
    blueprint = ist.recipe("denoise", sigma=0.3, channels=(8, 8))
    run = ist.fit(blueprint.build(data), data, epochs=3, batch_size=32, compile=False, progress=False)
    assert "worse than nothing" not in [finding.name for finding in ist.diagnose(run)]
    with torch.no_grad():
        run.model.decoder.get_submodule("output").get_parameter("bias").add_(0.4)
    (finding,) = (found for found in ist.diagnose(run) if found.name == "worse than nothing")
    assert finding.number > finding.limit == 1
    assert finding.picture is not None
    assert finding.picture.draw(LIGHT).axes


def test_numbers_of_many_categories_are_no_bad_scaling():
    generator = np.random.default_rng(0)
    town = [f"town {one:03}" for one in generator.integers(0, 200, 400)]
    table = pd.DataFrame({"town": town, "height": generator.normal(size=400), "income": generator.normal(size=400)})
    data = ist.open_data(table, categorical="auto", validation=0)
    model = ist.fit(ist.recipe("table", code=2).build(data), data, epochs=1).model
    assert "scaling" not in [finding.name for finding in ist.diagnose(run_of(model, data))]


def test_the_cure_is_not_the_scaling_that_the_data_have():
    values = 1e-4 * torch.rand(1000, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    values[0, 0, 0, 0] = 1.0  # a single bright point, by which all are scaled

    def cures(scaling: str) -> list[str]:
        data = ist.open_data(values.numpy(), scaling=scaling, test=0, validation=0)
        run = run_of(ist.recipe("vanilla", code=2).build(data), data)
        return [finding.cure for finding in ist.diagnose(run) if finding.name == "scaling"]

    assert cures("none") == ["Scale the data: minmax."]
    assert cures("minmax") == ["Scale the data: standardise."]
    assert cures("standardise") == []


def test_a_burst_at_the_start_is_named_with_a_shorter_step_that_grows():
    data = table(300, 40)
    model = ist.recipe("deep", code=4).build(data)
    run = ist.fit(model, data, learning_rate=0.02, epochs=4, compile=False, progress=False)
    assert "burst at the start" not in [finding.name for finding in ist.diagnose(run)]
    run.history[0]["loss"] = 2000 * run.history[1]["loss"]
    (finding,) = [finding for finding in ist.diagnose(run) if finding.name == "burst at the start"]
    assert finding.number == run.history[0]["loss"] / run.history[1]["loss"] > finding.limit
    assert "learning_rate=0.002, warmup=1.0" in finding.command


def test_counts_that_are_seen_by_their_logarithm_need_no_scaling():
    counts = np.random.default_rng(0).poisson(np.geomspace(1, 1000, 20), (200, 20))
    data = ist.open_data(counts, scaling="none")
    run = run_of(ist.recipe("deep", code=2, distance="poisson").build(data), data)
    assert "scaling" not in [finding.name for finding in ist.diagnose(run)]
