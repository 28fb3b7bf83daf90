"""The API reference names everything that is public, and its formulas and lists are made as they should be."""

import importlib
import re
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "api").glob("*.md"))
PUBLIC = (
    "isthmus",
    "isthmus.data",
    "isthmus.parts",
    "isthmus.measures",
    "isthmus.doctor",
    "isthmus.engines.ray",
    "isthmus.experiments",
    "isthmus.sklearn",
)
# constants and records of others
NO_PAGE = {"__version__", "RECIPES", "CHECKS", "Picture", "Shape", "Classify", "Fit", "Search"}
INTERNAL = {"eval_mode", "unit_of"}  # which evaluation shares with its neighbours


def tool(name):
    return SimpleNamespace(**runpy.run_path(str(ROOT / "docs" / "tools" / f"{name}.py")))


@pytest.fixture(scope="module")
def documented():
    return re.findall(r"^::: ([\w.]+)", "\n".join(page.read_text() for page in PAGES), re.MULTILINE)


@pytest.mark.parametrize("package", PUBLIC)
def test_every_public_name_is_in_the_reference(package, documented):
    names = {name.rpartition(".")[2] for name in documented}
    missing = set(importlib.import_module(package).__all__) - names - NO_PAGE - INTERNAL
    assert not missing, f"add these to a page in docs/api: {sorted(missing)}"


def test_every_name_of_the_reference_exists_once(documented):
    assert len(documented) == len(set(documented))
    for name in documented:
        home, _, last = name.rpartition(".")
        assert hasattr(importlib.import_module(home), last), name


def test_every_page_of_the_reference_is_in_the_navigation():
    menu = (ROOT / "mkdocs.yml").read_text()
    assert [page.name for page in PAGES if f"api/{page.name}" not in menu] == []


def test_every_formula_of_a_docstring_becomes_mathml():
    mathml = tool("maths").mathml
    for path in sorted((ROOT / "src").rglob("*.py")):
        for formula in re.findall(r":math:`([^`]+)`", path.read_text()):
            made = mathml(formula)
            assert made.startswith("<math"), path
            assert "\\" not in made, f"{path}: {formula}"


def test_formulas_of_both_forms_are_drawn_in_a_page():
    markdown = pytest.importorskip("markdown")
    text = "A rate :math:`\\rho_1` and `:math:`\n\n.. math::\n    a_1 = b_2\n\n    c * d * e\n\nAfter.\n"
    made = markdown.markdown(text, extensions=[tool("maths").Maths()])
    assert made.count("<math") == 3
    assert made.count('display="block"') == 2
    assert "<em>" not in made
    assert made.endswith("<p>After.</p>")


def test_paragraphs_that_begin_with_arguments_become_a_list():
    listed = tool("docstrings").listed
    text = "Train.\n\nout: the folder;\n    made anew.\nseed, size: two. pca: known\nalready.\n\nunits: none."
    assert listed(text, ["out", "seed", "size", "pca"]) == [
        "Train.",
        "",
        "",
        "- **`out`**: the folder;",
        "    made anew.",
        "- **`seed`**, **`size`**: two.",
        "- **`pca`**: known",
        "    already.",
        "",
        "units: none.",
    ]


def test_names_that_the_reference_documents_become_links():
    linked = tool("docstrings").linked
    assert linked("See `Options` and `Scaling.learn`.") == (
        "See [`Options`][isthmus.data.Options] and [`Scaling.learn`][isthmus.Scaling]."
    )
    assert linked("`nothing` and **`resume`**") == "`nothing` and **`resume`**"
