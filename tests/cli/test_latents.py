"""The command `latents`."""

import json


def test_it_prints_figures_and_writes_a_page(isthmus, trained, tmp_path):
    page = tmp_path / "latents.html"
    said = isthmus("latents", trained, "--page", page, "--top", "2")
    assert "variance explained" in said.out
    assert "latents.html" in said.out
    found = json.loads(isthmus("latents", trained, "train", "--json").out)
    assert found["l0"] > 0
    assert "is there already" in isthmus("latents", trained, "--page", page).err
