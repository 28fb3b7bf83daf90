"""Values that nobody means: one message each, in Python and on the command line, and never a traceback."""

import json
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import isthmus as ist
from isthmus.cli.main import app
from isthmus.errors import DataError, IsthmusError

NASTY = ["", "-1", "0", "nan", "inf", "1e309", "9" * 30, "2147483648", "a\0b", "🦆", "x" * 5000, "[[[", "--", "\udcff"]
ROWS = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    data = ist.open_data(ROWS)
    return ist.fit(ist.recipe("deep", code=2).build(data), data, epochs=1, progress=False, compile=False)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return ist.write_samples(tmp_path_factory.mktemp("table") / "x.csv", ROWS)


COMMAND: Any = typer.main.get_command(app)


def isthmus(words):
    """What a command line leaves behind; the command is built once, not for each, as typer's own runner does."""
    with patch("typer.testing._get_command", return_value=COMMAND):
        return CliRunner().invoke(app, [str(word) for word in words])


def commands():
    """Every command's every option that takes a value."""
    for name, command in COMMAND.commands.items():
        for option in command.params:
            if option.opts[0].startswith("--") and not getattr(option, "is_flag", False):
                yield name, option.opts[0]


def given(name, option, value):
    """A command line with what the command needs besides, of which nothing is there."""
    command = COMMAND.commands[name]
    needed = ["nowhere"] * sum(one.required and not one.opts[0].startswith("-") for one in command.params)
    return [name, *needed, f"{option}={value}"]


@pytest.mark.parametrize(("name", "option"), list(commands()))
def test_no_value_of_an_option_ends_in_a_traceback(name, option):
    for value in NASTY:
        result = isthmus(given(name, option, value))
        assert "this is a bug" not in result.stderr, value
        if name == "recipes" and not result.exit_code:  # which opens nothing, so some values will do
            continue
        assert result.exit_code in (1, 2), value
        assert result.stderr.splitlines()[-1].startswith("isthmus: "), value


@pytest.mark.parametrize(
    "words",
    [
        *(["--set", f"code={value}"] for value in NASTY if value != "\udcff"),
        *(["--set", f"widths={value}"] for value in ("0", "[" * 5000, "2147483648,2147483648", "nan", "null")),
        *(["--seed", value] for value in ("99999999999999999999", "-1", "9223372036854775808")),
        *(["--split-seed", value] for value in ("99999999999999999999", "-1", "x")),
        *(["--validation", value] for value in ("nan", "inf", "-1", "1", "1e309")),
        *(["--batch-size", value] for value in ("0", "9" * 30)),
        *(["--epochs", value] for value in ("0", "9" * 30)),
        *(["--learning-rate", value] for value in ("0", "-1", "nan", "inf", "1e309")),
        *([option, value] for option in ("--weight-decay", "--clip", "--momentum") for value in ("nan", "inf", "-1")),
        ["--size", "9" * 30],
        ["--columns", "🦆"],
        ["--delimiter", "🦆🦆"],
        ["--delimiter", "\n"],
        ["--device", "🦆"],
        ["--max-bytes", "0"],
    ],
)
def test_no_value_in_training_ends_in_a_traceback(table, tmp_path, words):
    line = ["train", table, "--out", tmp_path / "run", "--epochs", 1, "--compile", "no", "--quiet", *words]
    result = isthmus(line)
    assert result.exit_code in (1, 2), (result.stdout, result.stderr)
    assert "this is a bug" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith("isthmus: ")


@pytest.mark.parametrize("content", ["", "[" * 100_000, "{}", "null", "1e999", '{"network": ' * 900 + "1" + "}" * 900])
def test_no_file_of_a_blueprint_ends_in_a_traceback(table, tmp_path, content):
    (tmp_path / "plan.json").write_text(content)
    words = ["train", table, "--blueprint", tmp_path / "plan.json", "--out", tmp_path / "run"]
    result = isthmus(words)
    assert result.exit_code in (1, 2)
    assert "this is a bug" not in result.stderr


@pytest.mark.parametrize(
    "codes", [[], [[]], [np.nan, 0], [[0, 0], [0, np.inf]], "abc", None, 3.0, [[1, 2], [3]], [[1e39, 0]], [[1, 2, 3]]]
)
def test_codes_that_are_none_are_refused(run, codes):
    with pytest.raises(DataError, match=r"code"):
        run.decode(codes)


def test_samples_that_are_too_far_outside_are_named(run):
    with np.errstate(all="ignore"), pytest.raises(DataError, match=r"output for sample 1 is not finite:.*units"):
        run.reconstruct(np.stack([ROWS[0], np.full(5, 3e38, np.float32)]))


@pytest.mark.parametrize("seed", [-1, 2**63, 10**30, 1.5, "a", None, True])
def test_seeds_are_whole_numbers(run, seed):
    for use in (
        lambda: ist.recipe("deep", code=2).build((5,), seed=seed),
        lambda: ist.open_data(ROWS, seed=seed),
        lambda: ist.sample(run, 3, way="gaussian", seed=seed),
    ):
        with pytest.raises(IsthmusError, match=r"seed.*expected a whole number"):
            use()


@pytest.mark.parametrize("name", ["a\0b", "\0"])
@pytest.mark.filterwarnings("ignore")
def test_zero_bytes_in_paths_are_refused_everywhere(run, tmp_path, name):
    data = ist.open_data(ROWS)
    for use in (
        lambda: ist.load(name),
        lambda: ist.resume(name),
        lambda: ist.write_samples(tmp_path / f"{name}.csv", ROWS),
        lambda: ist.fit(run.model, data, epochs=1, out=name, progress=False),
        lambda: ist.open_data(name),
        lambda: ist.traverse(run, name),
    ):
        with pytest.raises(IsthmusError):
            use()


def test_what_is_said_as_json_is_json_whatever_the_names(tmp_path):
    result = isthmus(["recipes", "--json"])
    assert json.loads(result.stdout)
