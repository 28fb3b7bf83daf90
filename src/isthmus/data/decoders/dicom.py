"""Frames of DICOM files: in the units of the modality, such as Hounsfield, with white for much."""

from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from isthmus.data.decoders.frame import Frame, check_bytes, check_pixels, kept, places
from isthmus.data.options import Options
from isthmus.extras import needs


def read(file: IO[bytes], called: str, options: Options) -> Iterator[Frame]:
    """The frames of a file; their group is the patient.

    MONOCHROME1, in which much is black, is inverted; then slope and intercept are applied.
    """
    pydicom = needs("pydicom", "medical", called)
    pixels = needs("pydicom.pixels", "medical", called)
    found: Any = pydicom.dcmread(file)
    if "Rows" not in found:
        raise ValueError("it has no picture")
    count = int(found.get("NumberOfFrames") or 1)
    channels = int(found.get("SamplesPerPixel") or 1)
    check_pixels(called, int(found.Columns), int(found.Rows), options)
    check_bytes(called, (count, int(found.Rows), int(found.Columns), channels), found.BitsAllocated // 8 or 1, options)
    patient = str(found.get("PatientID") or "") or None
    for number, place in places(count, options):
        values = pixels.pixel_array(found, index=number)
        yield Frame(_upright(found, values, pixels), place, patient)


def _upright(found: Any, values: np.ndarray, pixels: Any) -> np.ndarray:
    if found.PhotometricInterpretation == "PALETTE COLOR":
        values = pixels.apply_color_lut(values, found)
    if values.ndim == 3:
        return np.ascontiguousarray(np.moveaxis(kept(values), 2, 0))
    if found.PhotometricInterpretation == "MONOCHROME1":
        top = -1 if found.PixelRepresentation else 2 ** int(found.BitsStored) - 1
        values = (top - values.astype(np.int64)).astype(values.dtype)
    scaled = pixels.apply_rescale(values, found)
    return (scaled if scaled.dtype == np.uint8 else scaled.astype(np.float32))[None]
