"""Reading sources for a model in the same way as its training data, whole or a piece at a time."""

from collections.abc import Mapping
from typing import Any

from isthmus.data import Data, Samples, read_samples, stream_samples
from isthmus.data.gather import join
from isthmus.data.media import Recording
from isthmus.data.media.medium import medium_of
from isthmus.data.missing import check_whole
from isthmus.data.read import of_patches
from isthmus.data.stream import Stream, divided, stream_pictures
from isthmus.data.tiles import one_picture
from isthmus.data.timewise import Timewise, open_timewise
from isthmus.errors import DataError
from isthmus.model.autoencoder import Autoencoder


class SourceReader:
    """Reads any source as samples for a model.

    model: the model. description: of its training data (`Data.description`); other sources are read in the same way.
    Empty if nothing is known about them.
    """

    model: Autoencoder
    description: dict[str, Any]

    def read(self, source: Any, **read_options: Any) -> Samples:
        """The samples of a source, in the form that the model takes; `read_options` as for `encode`.

        A model that gets a mask of the known numbers takes samples with holes, unless you set `missing`. For a model of
        patches, pictures are covered by tiles of its size, named by the row and column of their first pixel
        ("photo@32,0.png"); patches=100 cuts 100 patches at random places, as in training.

        Raises:
            DataError: the source can't be read, or has missing numbers and the model was not built for them.
        """
        if isinstance(source, Data):
            raise DataError("Got data with three parts: expected one part, such as data.test.")
        if isinstance(source, Samples) and not read_options:
            samples = source
        elif self.covers(source, read_options):
            samples = join(list(self.stream(source, **read_options)))
        else:
            samples = read_samples(source, like=self._like, **self._reading(read_options))
        if not self.model.conditioning.mask:
            check_whole(samples)
        return samples

    def stream(self, source: Any, *, rows: int | None = None, **read_options: Any) -> Stream:
        """As `read`, a piece at a time, so that memory does not grow with the source (see `stream_samples`).

            with ist.open_writer("codes.parquet") as put:
                for piece, codes in run.stream("large.parquet").through(run.encode):
                    put(codes, piece.names)

        rows: samples in a piece. None: as many as fit in 16 MiB, 32,768 at most.

        Raises:
            DataError: as `read`; an error in a piece is raised when that piece is read.
        """
        if isinstance(source, Data | Samples):
            return divided(self.read(source, **read_options), rows)
        if (timewise := self.recordings(source, **read_options)) is not None:
            return timewise.stream(rows)
        if self.covers(source, read_options):
            source = one_picture(source, self.model.shape[0])
        stream = stream_samples(source, like=self._like, rows=rows, **self._reading(read_options))
        if not self.model.conditioning.mask:
            stream = stream.checked(check_whole)
        return stream

    def recordings(self, source: Any, **read_options: Any) -> Timewise | None:
        """For a model of recordings, the source on its time axis; None for other models, and for windows.

        Raises:
            DataError: as `read`.
        """
        if isinstance(source, Timewise):
            return source
        if isinstance(source, Data | Samples) or not isinstance(medium_of(self.description), Recording):
            return None
        return open_timewise(source, self.description, **self._reading(read_options))

    def pictures(self, source: Any, **read_options: Any) -> Stream:
        """For a model of patches, the whole pictures of a source, each a piece of its own size; otherwise as `stream`.

            for picture, made in run.pictures("photos").through(run.reconstruct):
                ...

        Raises:
            DataError: as `stream`; or the pictures have another number of channels than the model.
        """
        if not self.covers(source, read_options):
            return self.stream(source, **read_options)
        return stream_pictures(source, self.description, **self._reading(read_options))

    def covers(self, source: Any, read_options: Mapping[str, Any]) -> bool:
        """Whether a source has whole pictures for a model of patches, which must be covered by tiles.

        Parts of the run's data are patches already, and so are samples read with the option `patches`.
        """
        if isinstance(source, Samples):
            pictures = source.kind == "pictures" and len(source.shape) == 3
            return pictures and of_patches(self.description) and source.shape != tuple(self.model.shape)
        asked = read_options.get("patches") is not None or read_options.get("part") is not None
        return of_patches(self.description) and not asked and not isinstance(source, Data)

    @property
    def _like(self) -> dict[str, Any] | None:
        """The description of what the model takes: rows of another length than it makes, for a transcoder."""
        numbers = getattr(self.model.corruption, "numbers", 0)
        return (self.description | {"shape": [numbers]} if numbers else self.description) or None

    def _reading(self, read_options: dict[str, Any]) -> dict[str, Any]:
        """The options to read a source with; a model that gets a mask keeps holes by default."""
        masked = self.model.conditioning.mask and "missing" not in self.description.get("options", {})
        return {"missing": "keep"} | read_options if masked else read_options
