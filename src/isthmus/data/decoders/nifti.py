"""Frames of NIfTI volumes: slices along the last axes."""

import gzip
import io
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from isthmus.data.decoders.frame import Frame, check_bytes, check_pixels, places
from isthmus.data.options import Options
from isthmus.extras import needs

MOST_BEFORE = 2**24
"""The most bytes before the values, for the header and its extensions."""


def read(file: IO[bytes], called: str, options: Options) -> Iterator[Frame]:
    """The slices of a volume (X, Y, Z, …), one after the other, as pictures of Y rows and X columns, scaled."""
    nibabel: Any = needs("nibabel", "medical", called)
    content: IO[bytes] = gzip.GzipFile(fileobj=file) if called.lower().endswith(".gz") else file  # type: ignore[assignment]
    head = content.read(4)
    kind = nibabel.Nifti2Image if 540 in (int.from_bytes(head, "little"), int.from_bytes(head, "big")) else None
    kind = kind or nibabel.Nifti1Image
    content.seek(0)
    header = kind.header_class.from_fileobj(content, check=False)  # which would log what it finds odd
    shape = tuple(map(int, header.get_data_shape()))
    if len(shape) < 2:
        raise ValueError(f"its shape is {shape}")
    check_pixels(called, shape[0], shape[1], options)
    check_bytes(called, shape, header.get_data_dtype().itemsize, options)
    if header["sizeof_hdr"] not in (348, 540) or not bytes(header["magic"].item()).startswith((b"n+", b"ni")):
        raise ValueError("its header is no NIfTI header")
    if not 0 <= header.get_data_offset() <= MOST_BEFORE:
        raise ValueError(f"its values begin at byte {header.get_data_offset():g}")
    content.seek(0)
    most = int(header.get_data_offset()) + int(np.prod(shape)) * header.get_data_dtype().itemsize
    values: Any = nibabel.arrayproxy.ArrayProxy(io.BytesIO(content.read(most)), header, mmap=False)
    count = int(np.prod(shape[2:], dtype=np.int64))
    for number, place in places(count, options):
        at = np.unravel_index(number, shape[2:], order="F") if shape[2:] else ()
        plane = np.asarray(values[(slice(None), slice(None), *map(int, at))], dtype=np.float32)
        yield Frame(np.ascontiguousarray(plane.T)[None], place)
