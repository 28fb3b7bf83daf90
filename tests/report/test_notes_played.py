"""Notes to listen to in the report."""

import base64
import io
import wave

import numpy as np
import torch

import isthmus as ist
from isthmus.data.media import Melody
from isthmus.data.samples import Samples
from isthmus.report.looks import Looks
from isthmus.report.sounds import heard


def test_melodies_are_played_next_to_those_from_their_codes():
    medium = Melody(bars=1)
    pitches = np.random.default_rng(0).integers(60, 72, (12, 4))
    rows = [medium.encode(np.array([[4 * place, 4, p] for place, p in enumerate(tune)])) for tune in pitches]
    samples = Samples(torch.from_numpy(np.stack(rows)), kind="tokens", medium=medium)
    data = ist.open_data(samples, validation=0, test=0)
    model = ist.recipe("music-vae", code=2, widths=(4,), embedding=4).build(data, remarks=False).eval()
    looks = Looks(model, None, samples, {"model": torch.arange(12.0)})  # pyright: ignore[reportArgumentType]
    found = heard(looks)
    assert [one.plate.title for one in found] == ["Typical"] * 3 + ["The largest error"]
    names = [[name for name, _, _ in one.players] for one in found]
    assert names == [["original", "from its code"]] * 4
    assert found[0].players[0][2] == ""
    assert " of 4 notes right, " in found[0].players[1][2]
    with wave.open(io.BytesIO(base64.b64decode(found[0].players[0][1]))) as file:
        assert 1.9 < file.getnframes() / file.getframerate() < 2.2
