"""What all tests share: no deadlines, real data where they are, and a pretend device or processor where asked."""

import functools
import gc
import os
import sys
from pathlib import Path
from types import SimpleNamespace

if "PYTEST_XDIST_WORKER" in os.environ:  # workers that each take all cores wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Spark's client takes a process whose main module is nowhere for one that runs its doctests, and ends it
    sys.modules["__main__"].__spec__ = SimpleNamespace(name=None)  # pyright: ignore[reportAttributeAccessIssue]

import pytest
import typer.main
import typer.testing
from hypothesis import settings

gc.disable()  # until everything is collected: going through what is being imported took a quarter of that time
# PyTorch is imported where it is used: xdist's own process does without

settings.register_profile("isthmus", deadline=None, max_examples=40)  # other ones in each run
settings.load_profile("isthmus")

typer.testing._get_command = functools.cache(typer.main.get_command)  # pyright: ignore[reportPrivateImportUsage]
"""The commands are made from their functions once, as in a user's process, and not for each line: half of its time."""

os.fsync = lambda fd: None
"""A test's files need not outlive a power failure: a write waits 5 to 20 ms for the disk, and there are thousands."""

BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
if "ISTHMUS_DATA" not in os.environ and BESIDE.is_dir():
    os.environ["ISTHMUS_DATA"] = str(BESIDE)


def pytest_addoption(parser):
    parser.addoption("--pretend", action="store_true", help="run on a pretend accelerator, which device='auto' finds")
    parser.addoption("--otherwise", action="store_true", help="run as on a processor that rounds otherwise")


def pytest_configure(config):
    sys.path.insert(0, str(Path(__file__).parent / "devices"))
    if config.getoption("--pretend"):
        import pretend

        pretend.load()
    if config.getoption("--otherwise"):
        import otherwise

        otherwise.begin()


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Modules that are loaded by now stay, so the garbage collector leaves them out."""
    collected = yield
    gc.freeze()
    gc.enable()
    return collected


@pytest.fixture(autouse=True)
def same_draws():
    """Numbers drawn without a generator are the same whichever tests ran before, on whichever worker."""
    import torch

    if torch.accelerator.is_available():
        torch.manual_seed(0)
    else:
        torch.default_generator.manual_seed(0)  # 1 ms less, which the other notes for devices that may come


@pytest.fixture(autouse=True)
def pages_undrawn(request, monkeypatch):
    """Pages' figures are made, in light alone, but not drawn: seconds a page. Not so in tests of figures and pages.

    In tests of the command they are not even made: the tests of the uses, of reports and of the documentation do that.
    """
    folder = request.path.parent.name
    if folder not in {"drawing", "report"}:
        made = (lambda draw, theme: ("picture", 600)) if folder == "cli" else undrawn
        monkeypatch.setattr("isthmus.drawing.plates.drawn", made)


def undrawn(draw, theme):
    """In the place of a figure's PNG and its width."""
    from isthmus.drawing.theme import LIGHT

    if theme is LIGHT:
        draw(theme)
    return "picture", 600


@pytest.fixture(scope="session")
def operations_read_once():
    """PyTorch reads the source of each operation's ONNX form at every export, for a second."""
    from torch.onnx._internal.exporter._registration import ONNXRegistry

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(functools.cache(ONNXRegistry.from_torchlib)))
        yield


@pytest.fixture
def traced(monkeypatch):
    """What the step's compiler is given, run as it stands: the C++ that it makes of it takes 5 to 40 s to compile.

    For tests of a part in a compiled step; `tests/training/test_steps.py` compiles to the end.
    """
    monkeypatch.setattr("torch._inductor.compile", lambda graph, tensors: graph)


def pytest_ignore_collect(collection_path, config):
    """Leave out the tests of accelerators where there is none, and of the pretend one unless it was asked for."""
    if collection_path.name == "devices":
        import torch

        return True if torch.accelerator.current_accelerator() is None else None
    return True if collection_path.name == "test_pretend.py" and not config.getoption("--pretend") else None


def pytest_collection_modifyitems(config, items):
    """Leave out the tests that need real data where there are none, and the slow ones unless they are chosen."""
    for item in items:
        if item.get_closest_marker("slow") and "slow" not in config.option.markexpr:
            item.add_marker(pytest.mark.skip(reason="slow: choose it by -m slow"))
    given = os.environ.get("ISTHMUS_DATA")
    if given and Path(given).is_dir():
        return
    for item in items:
        if item.get_closest_marker("data"):
            item.add_marker(pytest.mark.skip(reason="ISTHMUS_DATA names no folder of real data"))
