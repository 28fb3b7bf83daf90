"""Players in the report: real sound files of original and reconstruction, or of damaged and restored ones."""

import base64
import io
import re

import numpy as np
import pytest
import soundfile

import isthmus as ist
from isthmus.drawing.plates import Section
from isthmus.parts import Conv, GaussianNoise, Identity
from isthmus.report import write_report
from isthmus.report.sections import SECTIONS

RATE = 8000


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("isthmus.drawing.plates.png", lambda figure: b"picture")
    monkeypatch.setattr("isthmus.report.page.SECTIONS", SECTIONS[:0])
    monkeypatch.setattr("isthmus.report.page._training", lambda *given: Section("Training", []))


@pytest.mark.parametrize(
    ("kind", "corruption", "names"),
    [
        ("waveform", Identity(), ["original", "model", "PCA"]),
        ("mel", Identity(), ["original", "model", "PCA"]),
        ("waveform", GaussianNoise(sigma=0.1), ["original", "damaged", "restored"]),
    ],
)
def test_the_page_plays_a_few_recordings(tmp_path, monkeypatch, kind, corruption, names):
    monkeypatch.setattr("isthmus.data.media.sound._STEPS", 2)
    for number in range(12):
        tone = 0.5 * np.sin((0.1 + number / 50) * np.arange(800))
        soundfile.write(tmp_path / f"{number}.wav", tone, RATE)
    data = ist.open_data(tmp_path, window=0.1, kind=kind, validation=0, test=0)
    network = Conv(channels=(2, 2), kernel=5, form="strided")
    blueprint = ist.Blueprint(network=network, corruption=corruption)
    if corruption.damages:
        blueprint = blueprint.replace(network=network.replace(skips=True), predicts="residual")
    run = ist.fit(blueprint.build(data), data, epochs=1, progress=False, compile=False)
    page = write_report(run, tmp_path / "page.html").read_text(encoding="utf-8")
    players = re.findall(r"<strong>(\w+)</strong><audio controls [^>]*base64,([^\"]*)\"", page)
    assert [name for name, _ in players] == names * 4
    assert "media-src data:" in page
    values, rate = soundfile.read(io.BytesIO(base64.b64decode(players[0][1])))
    assert (len(values), rate) == (800, RATE)
    assert np.abs(values).max() > 0.3
