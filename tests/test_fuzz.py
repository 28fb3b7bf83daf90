"""The fuzz target: it repeats itself, finds what is raw, silent or deadly, and says how to try that again."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fuzz.mutations import mutate, mutate_value
from fuzz.target import Target
from fuzz.worker import attempt
from isthmus.errors import DataError

CONTENT = b'{"shape": [3, 4], "name": "x"}' * 4


class Reads(Target):
    """Reads a file as it is told to."""

    name = "reads"

    def __init__(self, use: Any, strict: bool = False) -> None:
        self.reads, self.strict = use, strict

    def make(self, folder: Path) -> None:
        (folder / "a").write_bytes(CONTENT)

    def damage(self, folder: Path, random: np.random.Generator) -> None:
        (folder / "a").write_bytes(mutate(CONTENT, random))

    def use(self, folder: Path) -> Any:
        return self.reads((folder / "a").read_bytes())

    def restore(self, folder: Path) -> None:
        self.make(folder)


def _refuse(content: bytes) -> None:
    raise DataError("It is damaged. Get it again.")


def _ramble(content: bytes) -> None:
    raise DataError("It is\ndamaged.")


@pytest.mark.parametrize(
    ("use", "strict", "outcome"),
    [
        (_refuse, False, "refused"),
        (_ramble, False, "fault"),
        (lambda content: 1 / 0, False, "fault"),
        (lambda content: "as ever", True, "equal"),
        (len, False, "other"),
        (len, True, "fault"),
    ],
)
def test_what_becomes_of_a_damaged_input_is_told_apart(tmp_path, use: Any, strict: bool, outcome: str) -> None:
    target = Reads(use, strict)
    target.make(tmp_path)
    usual = "'as ever'" if outcome == "equal" else "-1"
    assert attempt(target, tmp_path, 0, 1, usual)[0] == outcome


def test_the_same_seed_damages_in_the_same_way() -> None:
    def made(seed: int) -> tuple[list[bytes], list[Any]]:
        random = np.random.default_rng(seed)
        value = {"a": [1, {"b": "c"}], "d": None}
        return [mutate(CONTENT, random) for _ in range(200)], [mutate_value(value, random) for _ in range(200)]

    assert repr(made(1)) == repr(made(1))
    assert repr(made(1)) != repr(made(2))
    assert sum(content == CONTENT for content in made(1)[0]) < 40


def test_every_target_is_made_and_used_and_one_input_can_be_tried_again(tmp_path: Path) -> None:
    paths = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    words = [sys.executable, "-m", "fuzz", "--case", "settings.json:3", "--keep", str(tmp_path / "kept")]
    done = subprocess.run(
        words, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)}, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "settings.json" in done.stdout
    assert not (tmp_path / "kept").exists()
