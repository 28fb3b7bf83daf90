"""Reading sources for a model: as its training data were read, whole or a piece at a time."""

from collections.abc import Mapping
from typing import Any

from isthmus.data import Data, Samples, read_samples, stream_samples
from isthmus.data.gather import join
from isthmus.data.missing import check_whole
from isthmus.data.read import of_patches
from isthmus.data.stream import Stream, divided, stream_pictures
from isthmus.data.tiles import one_picture
from isthmus.errors import DataError
from isthmus.model.autoencoder import Autoencoder


class SourceReader:
    """Reads any source as the samples that a model takes.

    model: the model that takes the samples. description: of its training data (`Data.description`), by which other
    sources are read; empty where nothing is known of them.
    """

    model: Autoencoder
    description: dict[str, Any]

    def read(self, source: Any, **read_options: Any) -> Samples:
        """The samples of a source, as the model takes them; `read_options` as for `encode`.

        A model that is told which numbers are known takes samples with holes, unless `missing` says otherwise. For a
        model of patches, pictures are covered by tiles of its size, called "photo@32,0.png" by the row and column of
        their first pixel; patches=100 cuts so many at random places, as in training.

        Raises:
            DataError: it can't be read, or lacks numbers, and the model was not built for that.
        """
        if isinstance(source, Data):
            raise DataError("These are data with three parts. Give one of them, such as data.test.")
        if isinstance(source, Samples) and not read_options:
            samples = source
        elif self.covers(source, read_options):
            samples = join(list(self.stream(source, **read_options)))
        else:
            samples = read_samples(source, like=self.description or None, **self._reading(read_options))
        if not self.model.conditioning.mask:
            check_whole(samples)
        return samples

    def stream(self, source: Any, *, rows: int | None = None, **read_options: Any) -> Stream:
        """As `read`, a piece at a time, so that memory does not grow with the source (see `stream_samples`).

            with ist.open_writer("codes.parquet") as put:
                for piece, codes in run.stream("large.parquet").through(run.encode):
                    put(codes, piece.names)

        rows: samples in a piece; as many as take 16 MiB, but 32,768 at most, where it is None.

        Raises:
            DataError: as `read`; what is wrong with a piece is said when it is come to.
        """
        if isinstance(source, Data | Samples):
            return divided(self.read(source, **read_options), rows)
        if self.covers(source, read_options):
            source = one_picture(source, self.model.shape[0])
        stream = stream_samples(source, like=self.description or None, rows=rows, **self._reading(read_options))
        if not self.model.conditioning.mask:
            stream = stream.checked(check_whole)
        return stream

    def pictures(self, source: Any, **read_options: Any) -> Stream:
        """For a model of patches the whole pictures of a source, each a piece of its own size; else as `stream`.

            for picture, made in run.pictures("photos").through(run.reconstruct):
                ...

        Raises:
            DataError: as `stream`; or the pictures have other channels than the model's.
        """
        if not self.covers(source, read_options):
            return self.stream(source, **read_options)
        return stream_pictures(source, self.description, **self._reading(read_options))

    def covers(self, source: Any, read_options: Mapping[str, Any]) -> bool:
        """Whether a source holds whole pictures for a model of patches, to be covered by tiles.

        Parts of the run's data are patches already, and so are what `patches` in `read_options` asks for.
        """
        if isinstance(source, Samples):
            pictures = source.kind == "pictures" and len(source.shape) == 3
            return pictures and of_patches(self.description) and source.shape != tuple(self.model.shape)
        asked = read_options.get("patches") is not None or read_options.get("part") is not None
        return of_patches(self.description) and not asked and not isinstance(source, Data)

    def _reading(self, read_options: dict[str, Any]) -> dict[str, Any]:
        """How to read a source, if nothing else is said: a model that knows of masks takes holes as they are."""
        masked = self.model.conditioning.mask and "missing" not in self.description.get("options", {})
        return {"missing": "keep"} | read_options if masked else read_options
