"""The command as a whole: help, versions, and what becomes of an error."""

import os
import shutil
import subprocess
import sys
import warnings
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from isthmus.cli import options
from isthmus.cli.main import app, in_our_options
from isthmus.errors import RunError, remark

COMMAND: Any = typer.main.get_command(app)
COMMANDS = ["train", "resume", "evaluate", "report", "reconstruct", "encode", "decode", "recipes", "info"]
COMMANDS += ["sweep", "compare", "pretrain"]


def invoke(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def one_line(text):
    return text.startswith("isthmus: ") and text.count("\n") == 1 and text.endswith("\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command):
    result = invoke(command, "--help")
    assert result.exit_code == 0
    assert "Example" in result.output
    assert f"isthmus {command}" in result.output


def test_without_a_command_it_shows_what_there_is():
    result = invoke()
    assert result.exit_code == 0
    assert all(command in result.output for command in COMMANDS)


@pytest.mark.parametrize("words", [["--help"], ["encode", "--help"], ["train", "--help"], []])
def test_help_comes_without_loading_pytorch_or_other_commands(words):
    code = (
        "import sys\n"
        "from isthmus.cli.main import app\n"
        f"try:\n    app({words})\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'torch', 'numpy', 'scipy', 'sklearn', 'matplotlib', 'pyarrow', 'pandas', 'PIL', 'pydantic', 'rich'}\n"
        "heavy |= {'typer.rich_utils', 'isthmus.cli.experiments'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trian"], "Did you mean 'train'"),
        (["train"], "Missing argument 'SOURCE'"),
        (["train", "digits", "--epohcs", "3"], "--epochs"),
        (["train", "digits", "--set", "lr=3"], "--learning-rate"),
        (["train", "digits", "--recipe", "cae"], "'conv' or 'contractive'"),
        (["train", "digits", "--epochs", "many"], "--epochs"),
        (["train", "digits", "--epochs", "0"], "--epochs"),
        (["train", "digits", "--precision", "float16"], "bfloat16"),
        (["train", "digits", "--set", "code"], "key=value"),
        (["train", "digits", "--size", "big"], "28x32"),
        (["train", "digits", "--recipe", "depe"], "Did you mean 'deep'"),
        (["train", "digits", "--recipe", "denoising", "--set", "sgma=1"], "Did you mean 'sigma'"),
        (["sweep", "digits", "--set", "widhts=8"], "Did you mean 'widths'"),
        (["compare", "digits", "--recipes", "deep,cnv"], "Did you mean 'conv'"),
        (["detect", "run", "digits", "--quantile", "99"], "--quantile"),
        (["train", "digits", "--learning-rate", "-1"], "'--learning-rate': '-1': expected a number above 0"),
        (
            ["train", "digits", "--validation", "1.5"],
            "'--validation': '1.5': expected a number of 0 or more",
        ),
        (["blend", "run", "3"], "expected two samples or more"),
        (["encode", "run", "digits"], "Missing argument 'TARGET'"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_wrong_use_is_said_in_one_line_with_exit_code_two(words, said):
    result = invoke(*words)
    assert result.exit_code == 2
    assert one_line(result.stderr), result.stderr
    assert said in result.stderr
    assert "--help" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (
            ["--lr", "0.1", "--optimizer=sgd", "--epoch", "3"],
            ["--learning-rate", "0.1", "--optimiser=sgd", "--epochs", "3"],
        ),
        (["--latent-dim", "8", "--beta=2"], ["--set", "code=8", "--set", "kl.weight=2"]),
        (["--random-state", "1", "--code", "8"], ["--seed", "1", "--code", "8"]),
        (["--", "--lr"], ["--", "--lr"]),
        (["--latent-dim"], ["--latent-dim"]),
    ],
)
def test_words_of_other_tools_are_options_here(words, ours):
    command = COMMAND.commands["train"]
    assert in_our_options(["digits", *words], command) == ["digits", *ours]


def test_a_code_is_an_option_where_the_command_has_one():
    command = COMMAND.commands["sweep"]
    assert in_our_options(["digits", "--latent-dim", "1,2"], command) == ["digits", "--code", "1,2"]


def raising(error):
    def command(*_args, **_kwargs):
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (RunError("It is so.\nDo that."), 1, "isthmus: It is so. Do that."),
        (ValueError("deep inside\nsomething"), 1, "isthmus: ValueError: deep inside something (this is a bug"),
        (MemoryError(), 1, "--batch-size"),
        (KeyboardInterrupt(), 130, "isthmus: Stopped."),
    ],
)
def test_whatever_stops_a_command_is_said_in_one_line(monkeypatch, error, code, said):
    monkeypatch.setattr(options, "open_run", raising(error))
    result = invoke("evaluate", "somewhere")
    assert result.exit_code == code
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.output


def test_the_traceback_comes_where_it_is_asked_for(monkeypatch):
    monkeypatch.setenv("ISTHMUS_TRACEBACK", "1")
    monkeypatch.setattr(options, "open_run", raising(ZeroDivisionError("here")))
    assert "Traceback" in invoke("evaluate", "somewhere").stderr


def test_remarks_become_notes_and_other_warnings_stay_silent(monkeypatch):
    def load(*_):
        remark("A thing to know.")
        remark("A thing to know.")
        warnings.warn("not for users", UserWarning, stacklevel=1)
        raise RunError("The end.")

    monkeypatch.setattr(options, "open_run", load)
    result = invoke("evaluate", "somewhere")
    assert result.stderr == "note: A thing to know.\nisthmus: The end.\n"


def shell(line):
    script = f"set -o pipefail; {sys.executable} -m isthmus {line}"
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)


BASH = pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")


@pytest.mark.skipif(sys.platform == "win32", reason="closed pipes are another error there")
def test_a_reader_that_has_had_enough_ends_the_command_quietly():
    reader, writer = os.pipe()
    os.close(reader)  # before anything is written, however busy the machine is
    words = [sys.executable, "-m", "isthmus", "recipes"]
    result = subprocess.run(words, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (result.returncode, result.stderr) == (141, "")


@BASH
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no full device here")  # noqa: PTH110
@pytest.mark.parametrize("command", ["recipes", "--help", "--version"])
def test_an_output_that_takes_no_more_is_said_in_one_line(command):
    result = shell(f"{command} > /dev/full")
    assert result.returncode == 1
    assert one_line(result.stderr), result.stderr
    assert "could not be written" in result.stderr


@BASH
@pytest.mark.parametrize(
    ("line", "code"), [("--version >&-", 0), ("recipes depe 2>&-", 1), ("trian 2>&-", 2), ("trian 2>/dev/full", 2)]
)
def test_a_closed_output_is_no_trouble(line, code):
    result = shell(line)
    assert (result.returncode, result.stdout, result.stderr) == (code, "", "")


def test_escapes_in_names_are_shown_and_not_obeyed():
    result = invoke("info", "a\x1b[31m\u202e")
    assert "a\\x1b[31m\\u202e" in result.stderr
    assert "\x1b" not in result.stderr


def test_names_that_the_terminal_cannot_show_are_no_trouble():
    words = [sys.executable, "-m", "isthmus", "info", os.fsdecode(b"n\xf6where")]
    result = subprocess.run(words, capture_output=True, text=True, check=False, env=os.environ | {"LC_ALL": "C"})
    assert result.returncode == 1
    assert one_line(result.stderr), result.stderr


def test_completion_is_offered():
    result = subprocess.run(
        [sys.executable, "-m", "isthmus"],
        env=os.environ | {"_ISTHMUS_COMPLETE": "complete_bash", "COMP_WORDS": "isthmus rec", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stdout.split() == ["reconstruct", "recipes"]


def test_the_version_is_the_packages():
    from importlib.metadata import version

    assert invoke("--version").stdout.strip() == version("isthmus")
