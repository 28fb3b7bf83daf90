"""Media: what the numbers of a sample stand for (text, notes, sound), and the way back to files."""

from isthmus.data.media.graph import Graph
from isthmus.data.media.medium import Medium
from isthmus.data.media.melody import Melody
from isthmus.data.media.recording import Recording
from isthmus.data.media.roll import Roll
from isthmus.data.media.sound import Mel, Sound, Waveform
from isthmus.data.media.text import Text

__all__ = ["Graph", "Medium", "Mel", "Melody", "Recording", "Roll", "Sound", "Text", "Waveform"]
