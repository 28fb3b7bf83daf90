"""Each guide becomes a notebook; executed, it shows tables, figures and the last line of the progress bar."""

import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
MADE = SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "make_notebooks.py")))
FEW = """
from dataclasses import replace
from isthmus.data import named
whole = named._digits()
named._digits = lambda: replace(whole, values=whole.values[:400], labels=whole.labels[:400])
"""
SOON_DONE = """
def soon_done():
    from dataclasses import replace
    from isthmus.data import named
    from isthmus.training import Training
    whole, run = named._digits(), Training.run
    named._digits = lambda: replace(whole, values=whole.values[:400], labels=whole.labels[:400])
    def three_epochs(training):
        training.settings = training.settings.replace(epochs=min(training.settings.epochs, 3))
        return run(training)
    Training.run = three_epochs
soon_done()
"""
GUIDES = pytest.mark.parametrize("page", MADE.pages(), ids=lambda page: str(page.relative_to(MADE.DOCS)))


@pytest.mark.slow
@GUIDES
def test_every_guide_runs_as_a_notebook(page, tmp_path):
    """At each change, `test_pages.py` runs the same code in one process: a kernel and shells for each take minutes."""
    made = MADE.notebook_of(page)
    made.cells.insert(0, nbformat.v4.new_code_cell(SOON_DONE))
    MADE.execute(made, tmp_path, seconds=1200)


@GUIDES
def test_the_notebook_has_the_code_of_its_page(page):
    made = MADE.notebook_of(page)
    nbformat.validate(made)
    cells = [cell.source for cell in made.cells if cell.cell_type == "code"]
    python = [code.strip() for code in re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)]
    assert [cell for cell in cells if cell in python] == python
    assert all(
        cell.startswith(("%%bash -e\nisthmus ", "%%writefile model.json\n")) for cell in cells if cell not in python
    )
    assert MADE.notebook_of(page) == made


def test_every_guide_is_made_into_a_notebook():
    about = {"index.md", "architecture.md", "benchmarks.md", "cli.md", "defaults.md"}  # which have no code of Python
    guides = {page for page in MADE.DOCS.glob("*.md") if page.name not in about}
    assert guides <= set(MADE.pages())


def kinds(cell):
    """The forms of a cell's output."""
    return {kind for output in cell.outputs for kind in output.get("data", {})}


def text(cell):
    """What a cell's output says."""
    return " ".join(output.data.get("text/plain", "") for output in cell.outputs if "data" in output)


def test_an_executed_notebook_shows_its_results(tmp_path):
    made = MADE.notebook_of(MADE.DOCS / "notebooks.md")
    made.cells.insert(0, nbformat.v4.new_code_cell(FEW))
    for cell in made.cells:
        cell.source = cell.source.replace("epochs=30", "epochs=3")
    cells = [cell for cell in MADE.execute(made, tmp_path, seconds=300).cells if cell.cell_type == "code"]
    by_end = {cell.source.splitlines()[-1].split("  ")[0]: cell for cell in cells}
    for end in ("data", "some", "model.summary()", "run", "run.evaluate()"):
        assert kinds(by_end[end]) >= {"text/html", "text/plain"}, end
        assert len(text(by_end[end])) < 1500, end
    for end in ("run.plot()", "run.draw()", "ist.traverse(run, most=4).draw()"):
        assert "image/png" in kinds(by_end[end]), end
    assert "<iframe" in by_end['run.report("report.html")'].outputs[0].data["text/html"]
    bar, curve = next(cell for cell in cells if "ist.fit" in cell.source).outputs[:2]
    assert re.search(r"epoch 3/3  loss 0\.\d+  validation 0\.\d+ .* in all", bar.data["text/plain"])
    assert "progress" not in bar.data["text/html"]
    assert "image/png" in curve.data
    assert not any(output.get("name") == "stderr" for cell in cells for output in cell.outputs)
