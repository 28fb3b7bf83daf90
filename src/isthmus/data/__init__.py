"""Samples from arrays, tables, files and picture folders: read, split, scaled, described, written."""

from isthmus.data.open import open_data, reopen
from isthmus.data.options import Options
from isthmus.data.read import read_samples
from isthmus.data.samples import Data, Samples
from isthmus.data.scaling import Scaling
from isthmus.data.write import write_samples

__all__ = ["Data", "Options", "Samples", "Scaling", "open_data", "read_samples", "reopen", "write_samples"]
