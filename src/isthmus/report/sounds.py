"""Sound and music to listen to in the report: originals, reconstructions and, for a restoring model, damaged ones."""

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from isthmus.data.media import Sound
from isthmus.data.media.notes import Notes
from isthmus.drawing.figures import WORDS
from isthmus.drawing.look import Look
from isthmus.drawing.plates import Plate, plate
from isthmus.drawing.rows import sample_rows
from isthmus.drawing.sounds import spectrograms
from isthmus.measures.passes import passes
from isthmus.measures.sound import log_spectral_distance, si_sdr
from isthmus.report.looks import Looks

PLAYED = 3
"""Typical recordings in the page; the one with the largest error follows."""
TYPICAL, WORST = "Typical", "The largest error"
LONGEST = 4.0
"""Seconds of a recording that are embedded."""


@dataclass(frozen=True)
class Heard:
    """One recording: its picture, and its players as (name, base64 of a .wav file, measures in words)."""

    plate: Plate
    players: list[tuple[str, str, str]]


def heard(looks: Looks) -> list[Heard]:
    """A few samples of a part to listen to; none if they are neither sound nor notes."""
    sound = looks.samples.medium
    if not isinstance(sound, Sound | Notes):
        return []
    chosen = looks.typical()[:PLAYED]
    if len(looks.samples) > len(chosen):
        chosen = torch.cat((chosen, looks.worst()[:1]))
    titles = [TYPICAL] * PLAYED + [WORST]
    if isinstance(sound, Notes):
        rows = {name: row.cpu() for name, row in _notes(looks, chosen).items()}
        look = Look(looks.samples.kind, looks.model.scaling, medium=sound)
        named = zip(titles, chosen.tolist(), strict=False)
        return [
            _played({name: of[place : place + 1] for name, of in rows.items()}, sound, look, title, looks.called(index))
            for place, (title, index) in enumerate(named)
        ]
    signals = {name: sound.signals(looks.model.scaling.inverse(row)) for name, row in _rows(looks, chosen).items()}
    made = []
    for place, index in enumerate(chosen.tolist()):
        of_place = {name: of[place] for name, of in signals.items()}
        made.append(_heard(of_place, sound, titles[place], looks.called(index)))
    return made


def _notes(looks: Looks, chosen: Tensor) -> dict[str, Tensor]:
    """The versions of the chosen samples of notes, (n, *shape) each, raw."""
    if looks.samples.kind == "tokens":
        return {"original": looks.samples.batch(chosen), "from its code": looks.written(chosen)}
    return {name: looks.model.scaling.inverse(row) for name, row in _rows(looks, chosen).items()}


def _played(rows: Mapping[str, Tensor], medium: Notes, look: Look, title: str, called: str) -> Heard:
    """One sample of notes; the rows have one sample each."""
    notes = {name: {(start, pitch) for start, _, pitch in medium.decode(row[0]).tolist()} for name, row in rows.items()}
    real = notes["original"]
    words = {
        name: f"{len(found & real)} of {len(real)} notes right, {len(found - real)} others"
        for name, found in notes.items()
        if name != "original"
    }
    players = [
        (name, base64.b64encode(medium.heard(row[0])).decode(), words.get(name, "")) for name, row in rows.items()
    ]
    alt = f"Piano rolls of {called}: {', '.join(rows)}. " + ". ".join(f"{name}: {said}" for name, said in words.items())
    caption = f"{called}. Time to the right, pitch upwards; notes start where they are black."
    return Heard(plate(title, lambda theme: sample_rows(rows, look, theme=theme), alt, caption), players)


def _rows(looks: Looks, chosen: Tensor) -> dict[str, Tensor]:
    """The versions of the chosen samples, (n, *shape) each, scaled; the original first."""
    model = looks.model
    if not model.restores:
        return {WORDS[name]: row for name, row in looks.rows(chosen).items()}
    seen = next(passes(model, looks.samples.take(chosen), len(chosen), damage=True))
    damaged = model.corruption.as_clean(seen.corrupted, model.shape)
    return {"original": seen.clean, "damaged": damaged, "restored": seen.reconstruction}


def _heard(signals: Mapping[str, Tensor], sound: Sound, title: str, called: str) -> Heard:
    original = signals["original"]
    players = []
    for name, signal in signals.items():
        words = "" if name == "original" else _words(signal, original)
        players.append((name, _wav(signal, sound), words))
    alt = f"Waveforms and spectrograms of {called}: {', '.join(signals)}. " + ". ".join(
        f"{name}: {words}" for name, _, words in players if words
    )
    caption = f"{called}. Above the waveform, below the spectrogram: time to the right, frequency upwards."
    return Heard(plate(title, lambda theme: spectrograms(signals, sound.rate, theme=theme), alt, caption), players)


def _words(signal: Tensor, original: Tensor) -> str:
    ratio, distance = (float(of(signal[None], original[None])) for of in (si_sdr, log_spectral_distance))
    if math.isnan(ratio):  # the original is silent
        return ""
    return f"SI-SDR {ratio:.1f} dB, log-spectral distance {distance:.1f} dB"


def _wav(signal: Tensor, sound: Sound) -> str:
    """The start of a waveform as base64 of a .wav file."""
    return base64.b64encode(sound.recording(signal[: int(LONGEST * sound.rate)])).decode()
