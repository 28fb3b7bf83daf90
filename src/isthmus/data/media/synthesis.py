"""Sound of notes: with a SoundFont, or by additive synthesis without any."""

import io
import os
import wave
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from isthmus.errors import DataError
from isthmus.extras import needs

RATE, SMALL_RATE = 22050, 8000
"""Numbers a second of sound in files, and in pages."""
VARIABLE = "ISTHMUS_SOUNDFONT"
FOLDER = Path("/usr", "share", "sounds", "sf2")
"""Where Debian's packages put SoundFonts; on other systems there is no such folder."""
PARTIALS = 6
ATTACK, RELEASE, DECAY = 0.01, 0.05, 0.8
"""Seconds: the rise of a note, its fall after its end, and the time in which it fades to 1/e."""
LOUD = 0.9


def soundfont() -> Path | None:
    """The SoundFont that the environment variable ISTHMUS_SOUNDFONT names, or the first that Debian has installed.

    Raises:
        DataError: the variable names no file.
    """
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_file():
            raise DataError(f"{VARIABLE}={named} is not a file: expected a SoundFont, .sf2. Correct or unset it.")
        return Path(named)
    if named is not None:  # set to nothing: none is wanted
        return None
    return next(iter(sorted(FOLDER.glob("*.sf2"))), None)


def wav_by_soundfont(midi: bytes, font: Path) -> bytes:
    """A WAV, 16 bits, mono, of the notes of a MIDI file.

    Raises:
        DataError: the SoundFont is damaged.
    """
    symusic = needs("symusic", "music", "Sound by a SoundFont")
    try:
        sound = symusic.Synthesizer(str(font), RATE, 0).render(symusic.Score.from_midi(midi), False)
    except RuntimeError as error:
        raise DataError(
            f"{font} is not a SoundFont ({str(error)[:80]}): expected .sf2. Name another with {VARIABLE}=PATH, or set "
            f"{VARIABLE}= to nothing for plain sines."
        ) from error
    return _wav(sound[0], RATE)


def wav(notes: Iterable[tuple[float, float, int]], seconds: float, rate: int = RATE) -> bytes:
    """A WAV, 16 bits, mono, of notes (start, duration, MIDI pitch) in seconds, each the sum of six fading sines."""
    sound = np.zeros(round((seconds + RELEASE) * rate) + 1)
    for start, duration, pitch in notes:
        times = np.arange(round((duration + RELEASE) * rate)) / rate
        frequency = 440 * 2 ** ((pitch - 69) / 12)
        heard = [k for k in range(1, PARTIALS + 1) if k * frequency < rate / 2]
        tone = sum(np.sin(2 * np.pi * k * frequency * times) / k**1.5 for k in heard)
        rise, fall = np.minimum(1, times / ATTACK), np.clip((duration + RELEASE - times) / RELEASE, 0, 1)
        place = round(start * rate)
        stop = min(len(sound), place + len(times))
        sound[place:stop] += (tone * rise * fall * np.exp(-times / DECAY))[: stop - place]
    return _wav(sound, rate)


def _wav(sound: np.ndarray, rate: int) -> bytes:
    """The content of a WAV file of sound (n,), as loud as it can be."""
    peak = float(np.abs(sound).max(initial=0.0))
    whole = np.rint(sound * (LOUD * 32767 / peak if peak else 0.0)).astype("<i2")
    memory = io.BytesIO()
    with wave.open(memory, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(whole.tobytes())
    return memory.getvalue()
