"""Frames of videos."""

from collections.abc import Iterator
from typing import IO, Any

import numpy as np
from PIL import Image

from isthmus.data.decoders.frame import Frame, check_pixels, whole_step
from isthmus.data.options import Options
from isthmus.extras import needs

CONTAINERS = {".mkv": "matroska", ".webm": "matroska", ".avi": "avi", ".mpg": "mpeg", ".mpeg": "mpeg"}
"""By suffix; the rest is MP4. The container isn't guessed, because a play list could name other files and addresses."""


def read(file: IO[bytes], called: str, options: Options) -> Iterator[Frame]:
    """The frames of a video, upright, in colour or grey."""
    av: Any = needs("av", "video", called)
    container = next((kind for suffix, kind in CONTAINERS.items() if called.lower().endswith(suffix)), "mp4")
    step = whole_step(options)
    with av.open(file, format=container) as opened:
        if not opened.streams.video:
            raise ValueError("it has no video")
        stream = opened.streams.video[0]
        check_pixels(called, stream.codec_context.width, stream.codec_context.height, options)
        for number, frame in enumerate(opened.decode(stream)):
            if number % step == 0:
                check_pixels(called, frame.width, frame.height, options)
                values = frame.to_ndarray(format="gray" if frame.format.name.startswith("gray") else "rgb24")
                turned = np.rot90(values, round(getattr(frame, "rotation", 0) / 90) % 4)
                yield Frame(Image.fromarray(np.ascontiguousarray(turned)), number)
            if options.frames == "first":
                return
