"""What all tests share: no deadlines on busy machines, real data where they are, and a pretend device where asked."""

import os
import sys
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # workers that each take all cores wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from hypothesis import settings

settings.register_profile("isthmus", deadline=None)
settings.load_profile("isthmus")

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
if "ISTHMUS_DATA" not in os.environ and BESIDE.is_dir():
    os.environ["ISTHMUS_DATA"] = str(BESIDE)


def pytest_addoption(parser):
    parser.addoption("--pretend", action="store_true", help="run on a pretend accelerator, which device='auto' finds")


def pytest_configure(config):
    if config.getoption("--pretend"):
        sys.path.insert(0, str(Path(__file__).parent / "devices"))
        import pretend

        pretend.load()


def pytest_ignore_collect(collection_path, config):
    """Leave out the tests of accelerators where there is none, and of the pretend one unless it was asked for."""
    if collection_path.name == "devices":
        return True if torch.accelerator.current_accelerator() is None else None
    return True if collection_path.name == "test_pretend.py" and not config.getoption("--pretend") else None


def pytest_collection_modifyitems(items):
    """Leave out the tests that need real data where there are none."""
    given = os.environ.get("ISTHMUS_DATA")
    if given and Path(given).is_dir():
        return
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason="ISTHMUS_DATA names no folder of real data"))
