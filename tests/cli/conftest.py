"""A run to work with, trained once by the command itself."""

from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from isthmus.cli.main import app


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def isthmus():
    """Run a command line, `isthmus("train", "digits")`, and tell its exit code, stdout and stderr."""

    def run(*words):
        result = CliRunner().invoke(app, [str(word) for word in words])
        return Said(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture(scope="session")
def trained(isthmus, tmp_path_factory):
    """The folder of a short run on the digits; not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    said = isthmus("train", "digits", "--set", "code=8", "--epochs", 3, "--out", folder, "--quiet", "--compile", "no")
    assert said.code == 0, said.err
    return folder
