"""Every part of every recipe: exported, or named with the reason. Minutes: `pytest -m slow tests/exporting`."""

import pytest

import isthmus as ist
from isthmus.errors import UseError
from isthmus.exporting.parts import PARTS
from isthmus.exporting.writing import FORMATS

WITHOUT_DECODER = {"denoise", "inpaint", "mae", "recolour", "sharpen", "upscale", "watermark"}
"""Their decoders see more than the code."""


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("name", ist.RECIPES)
def test_every_part_of_every_recipe_is_exported_or_named(name, part, trained, tmp_path):
    if part == "decoder" and name in WITHOUT_DECODER:
        with pytest.raises(UseError, match="The decoder can't be exported"):
            ist.export(trained(name), tmp_path / "out", part)
        assert not (tmp_path / "out").exists()
        return
    made = ist.export(trained(name), tmp_path / "out", part)
    assert made.parts[part]["checked"]["largest_difference"] <= 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("name", ist.RECIPES)
def test_every_recipe_is_exported_for_pytorch_and_as_weights(name, trained, tmp_path):
    for format in FORMATS[1:]:
        ist.export(trained(name), tmp_path / format, format=format)
