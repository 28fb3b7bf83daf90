"""Build the sdist and the wheel, look into both, and try them in an empty environment of each Python that is named."""

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from email import message_from_bytes
from pathlib import Path

from packaging.metadata import Metadata
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ROOT / "constraints.txt"
TOLD = {"README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", "PKG-INFO", ".gitignore"}
"""Beside the package, what an sdist holds; hatchling adds the last two."""


def main(pythons: list[str]) -> None:
    """Build, check, try; the first thing that is wrong ends it."""
    dist = ROOT / "dist"
    for old in dist.glob("isthmus-*"):
        old.unlink()
    call(sys.executable, "-m", "build", "--outdir", str(dist), str(ROOT))  # the wheel is built from the sdist
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    check_wheel(wheel)
    check_sdist(sdist)
    for python in pythons:
        try_in_empty_environment(python, wheel, sdist)
    print(f"{wheel.name} and {sdist.name} are whole; tried with {', '.join(pythons)}")


def package() -> set[str]:
    """Every file of the package, from the folder that holds it: code, pages' templates, data, the mark of types."""
    home = ROOT / "src"
    files = (path for path in (home / "isthmus").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(home).as_posix() for path in files}


def check_wheel(wheel: Path) -> None:
    """The package, whole, its metadata and licence, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
        (about,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = archive.read(about)
    info = about.removesuffix("METADATA")
    told = {name.removeprefix(info) for name in names if name.startswith(info)}
    expect(wheel, {name for name in names if not name.startswith(info)}, package())
    expect(wheel, told, {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"})
    found = Metadata.from_email(metadata, validate=True)
    assert found.description_content_type == "text/markdown", "the page on an index is the README"
    assert found.description, "the page on an index is the README"
    assert found.requires_python is not None
    assert Version("3.11") in found.requires_python
    assert Version("3.10") not in found.requires_python
    assert "isthmus" in message_from_bytes(metadata)["Name"]


def check_sdist(sdist: Path) -> None:
    """The package and what it takes to build and read about it."""
    with tarfile.open(sdist) as archive:
        names = {member.name.split("/", 1)[1] for member in archive.getmembers() if member.isfile()}
    expect(sdist, names - TOLD, {f"src/{name}" for name in package()})


def expect(where: Path, found: set[str], expected: set[str]) -> None:
    """Say what is missing and what is too much."""
    if found != expected:
        sys.exit(f"{where.name}: missing {sorted(expected - found)}, too much {sorted(found - expected)}")


def try_in_empty_environment(python: str, wheel: Path, sdist: Path) -> None:
    """Install and train, as a new user would, where nothing of the clone is at hand."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        call(python, "-m", "venv", "venv", cwd=home)
        scripts = home / "venv" / ("Scripts" if os.name == "nt" else "bin")
        pip = (str(scripts / "python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check")
        (home / "empty").mkdir()
        for what, how in ((wheel, ("--constraint", str(CONSTRAINTS))), (sdist, ("--no-deps", "--force-reinstall"))):
            call(*pip, *how, str(what), cwd=home / "empty")
            call(str(scripts / "isthmus"), "--version", cwd=home / "empty")
            call(str(scripts / "isthmus"), "train", "digits", "--epochs", "2", "--force", cwd=home / "empty")


def call(*words: str, cwd: Path = ROOT) -> None:
    """Run a command, without what the clone's own environment sets."""
    print(f"{cwd.name}$ {' '.join(words)}", flush=True)
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    subprocess.run(words, cwd=cwd, env=environment, check=True)  # noqa: S603 words of our own


if __name__ == "__main__":
    main(sys.argv[1:])
