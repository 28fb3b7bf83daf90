"""Frames of FITS files, the pictures of astronomy: the first image and, if it is a cube, its planes."""

import gzip
import io
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from isthmus.data.decoders.frame import Frame, check_bytes, check_pixels, places
from isthmus.data.options import Options
from isthmus.extras import needs


def read(file: IO[bytes], called: str, options: Options) -> Iterator[Frame]:
    """The planes of the first image of a file, scaled by BSCALE and BZERO, with NaN for BLANK."""
    fits: Any = needs("astropy.io.fits", "astronomy", called)
    if called.lower().endswith(".gz"):
        content = gzip.GzipFile(fileobj=file).read(options.max_bytes + 1)  # its header may go on for ever
        check_bytes(called, (len(content),), 1, options)
        file = io.BytesIO(content)
    with fits.open(file, memmap=False, lazy_load_hdus=True, ignore_missing_end=False) as found:
        images = [hdu for hdu in found if hdu.is_image and hdu.header.get("NAXIS", 0) >= 2]
        note = ""
        if not images:
            raise ValueError("it has tables but no image" if len(found) > 1 else "it has no image")
        if len(images) > 1:
            note = f"{called} has {len(images)} images; only the first is read. To read the others, save them as files."
        shape = [int(images[0].header[f"NAXIS{axis}"]) for axis in range(1, images[0].header["NAXIS"] + 1)]
        check_bytes(called, shape, max(4, abs(int(images[0].header["BITPIX"])) // 8), options)
        values = np.asarray(images[0].data)
        if values.size == 0:
            raise ValueError("its image is empty")
        values = values.reshape(-1, *values.shape[-2:])
        check_pixels(called, values.shape[2], values.shape[1], options)
        for number, place in places(len(values), options):
            yield Frame(values[number].astype(np.float32)[None], place, note=note)
