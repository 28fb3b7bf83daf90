"""Texts for proofs: Shakespeare's lines, and the verses of the King James Bible that a Debian package ships."""

import shutil
import subprocess
import warnings

import isthmus as ist
from benchmarks.digits import find_file
from benchmarks.proofs.proving import Bench

BIBLE = "bible"
"""The command of the Debian package bible-kjv, whose text, 4.2 MB, is in bible-kjv-text."""
MADE = [
    f"{who} {does} {what}"
    for who in ("the cat", "a king", "my son")
    for does in ("sees", "has")
    for what in ("it", "bread")
]


def shakespeare(bench: Bench) -> ist.Data:
    """1.1 MB of plays, a sample per line; without the file, made-up sentences."""
    path = find_file("text/shakespeare.txt")
    data = _open(MADE * 20 if path is None else path)
    bench.data.append(
        f"{path.name if path else 'made up'}: {len(data.train):,} lines to train, {len(data.test):,} to test"
    )
    return data


def bible(bench: Bench) -> ist.Data | None:
    """The first half of the verses, 2.1 MB, in pieces of words; None if the package isn't installed."""
    if shutil.which(BIBLE) is None:
        return None
    command = [BIBLE, "-l", "10000", "-f", "gen1:1-rev22:21"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603 a fixed command
    verses = [line.split(" ", 1)[1] for line in said.splitlines() if " " in line]
    data = _open(verses[: len(verses) // 2], pieces=1000, window=160)
    bench.data.append(f"King James Bible: {len(data.train):,} pieces of verses to train, {len(data.test):,} to test")
    return data


def _open(source: object, **options: object) -> ist.Data:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # long lines are cut, which is said in the documentation
        return ist.open_data(source, kind="text", **options)  # pyright: ignore[reportArgumentType]
