"""Frames of HEIC and HEIF, the photographs of telephones."""

from collections.abc import Iterator
from typing import IO

import numpy as np
from PIL import Image

from isthmus.data.decoders.frame import Frame, check_pixels, places
from isthmus.data.options import Options
from isthmus.extras import needs


def read(file: IO[bytes], called: str, options: Options) -> Iterator[Frame]:
    """The pictures of a file, upright. Ten and twelve bits become the highest ones of 16."""
    heif = needs("pillow_heif", "pictures", called)
    found = heif.open_heif(file, convert_hdr_to_8bit=False)
    for number, place in places(len(found), options):
        one = found[number]
        width, height = one.size
        check_pixels(called, width, height, options)
        values = np.asarray(one)
        if ";16" in one.mode:
            values = values.astype(np.uint16)
            yield Frame(np.ascontiguousarray(np.moveaxis(values, 2, 0)) if values.ndim == 3 else values[None], place)
        else:
            yield Frame(Image.fromarray(values), place)
