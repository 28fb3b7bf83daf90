"""The sections: every tool gets its rows, our codec if it is there, and what is kept is not measured again."""

import json
import zlib
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("skimage")
pytest.importorskip("pytorch_msssim")

from benchmarks.compression.codec import Coded
from benchmarks.compression.pictures import lossy_formats
from benchmarks.compression.sections import crops, integers, lossy_digits, mnist, photographs, specificity, speed

from benchmarks.compression import __main__ as command
from benchmarks.compression import bench as benches

NAMES = ["crops", "integers", "lossy-digits", "mnist", "photographs", "specificity", "speed"]


class Zlib:
    """In the place of a codec: loses nothing, or the lower bits, the more the lower the number in its name."""

    def __init__(self, name):
        self.name, self.model_bytes = name, 500

    def code(self, source, lossless=False, quality=None):
        keep = 8 if lossless or "-" not in self.name else 3 + int(self.name[-1])
        decoded = (source >> (8 - keep) << (8 - keep)).astype(source.dtype)
        return Coded(len(zlib.compress(decoded.tobytes(), 9)), decoded, (1.0, 0.5))

    def lossless(self, source):
        return self.code(source, lossless=True).bytes


@pytest.fixture
def small(monkeypatch):
    """Two photographs, sixteen digits and a table, all small."""
    generator = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(176), np.arange(192)) / 2
    photos = {
        name: np.clip(ramp[..., None] + generator.normal(0, spread, (176, 192, 3)), 0, 255).astype(np.uint8)
        for name, spread in (("calm", 4), ("wild", 12))
    }
    shape = (16, 28, 28)
    digits = np.where(generator.random(shape) < 0.2, generator.integers(0, 256, shape), 0).astype(np.uint8)
    for section in (photographs, crops, speed, specificity):
        monkeypatch.setattr(section, "held_out", lambda: photos)
    for section in (mnist, lossy_digits, specificity, speed):
        monkeypatch.setattr(section, "test_digits", lambda: digits)
    formats = [replace(form, qualities=(5, 40, 80)) for form in lossy_formats()[:2]]
    for section in (photographs, crops, lossy_digits, speed):
        monkeypatch.setattr(section, "lossy_formats", lambda: formats)
    monkeypatch.setattr(lossy_digits, "grid", lambda form: form.qualities)
    monkeypatch.setattr(specificity, "cats_and_others", lambda: {"cats": digits, "not cats": digits[::-1]})
    monkeypatch.setattr(specificity, "COUNT", 12)
    monkeypatch.setattr(lossy_digits, "FEW", 10)
    monkeypatch.setattr(lossy_digits, "OURS_EACH", 3)
    monkeypatch.setattr(speed, "TURNS", 1)
    table = generator.integers(-3, 200, (60, 5))
    monkeypatch.setattr(integers, "tables", lambda: {"table": table})


@pytest.fixture
def codecs(monkeypatch):
    """A codec for every run; three for photographs."""
    names = {"photos": ["photos-1", "photos-2", "photos-3"]}
    monkeypatch.setattr(benches, "find_codecs", lambda runs, name: [Zlib(one) for one in names.get(name, [name])])


def measured(out, only, *words):
    """The tables of a section by their titles, as JSON has them."""
    assert command.main(["--only", only, "--out", str(out), *words]) == 0
    return {table["title"]: table for table in json.loads((out / f"{only}.json").read_text())["tables"]}


def test_all_sections_are_found():
    assert command.section_names() == NAMES


def test_an_unknown_section_is_refused_with_the_known_ones(capsys):
    with pytest.raises(SystemExit):
        command.main(["--only", "minst"])
    assert "there are crops, integers" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"photographs", "specificity"}))  # which take seconds each
def test_every_section_has_rows_of_the_codec_next_to_its_peers(name, small, codecs, tmp_path):
    for title, table in measured(tmp_path, name).items():
        words = [str(cell) for row in table["rows"] for cell in [*row, *table["columns"]]]
        assert any("Isthmus" in word for word in words) or "whole" in title, title
        assert len({len(row) for row in [table["columns"], *table["rows"]]}) == 1


@pytest.mark.parametrize("name", ["integers", "lossy-digits"])
def test_without_runs_the_peers_stand_alone_and_a_line_says_so(name, small, tmp_path, capsys):
    for table in measured(tmp_path, name).values():
        assert table["rows"]
        assert not any("Isthmus" in str(row[0]) for row in table["rows"])
    assert "its rows are left out" in capsys.readouterr().out


def test_peers_are_measured_once_unless_asked_for_again(small, tmp_path, monkeypatch):
    first = measured(tmp_path, "integers")
    monkeypatch.setattr(integers, "peer_bits", lambda table: {"none": 9.0} | dict.fromkeys("abcd", 9.0))
    assert measured(tmp_path, "integers") == first
    assert measured(tmp_path, "integers", "--again") != first


def test_the_break_even_is_where_the_saved_bytes_pay_for_the_model(small, codecs, tmp_path, monkeypatch):
    monkeypatch.setattr(mnist, "DATA", {"grey": mnist.DATA["grey"]})
    (table,) = (table for title, table in measured(tmp_path, "mnist").items() if title.endswith("grey"))
    *peers, own = table["rows"]
    best = min(row[3] for row in peers)
    saved = (best - own[3]) * 28 * 28 / 8
    assert own[5] == pytest.approx(np.ceil(500 / saved)) if saved > 0 else own[5] is None
