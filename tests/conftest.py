"""What all tests share: no deadlines on busy machines, and real data where they are."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("isthmus", deadline=None)
settings.load_profile("isthmus")

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
if "ISTHMUS_DATA" not in os.environ and BESIDE.is_dir():
    os.environ["ISTHMUS_DATA"] = str(BESIDE)


def pytest_collection_modifyitems(items):
    """Leave out the tests that need real data where there are none."""
    given = os.environ.get("ISTHMUS_DATA")
    if given and Path(given).is_dir():
        return
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason="ISTHMUS_DATA names no folder of real data"))
