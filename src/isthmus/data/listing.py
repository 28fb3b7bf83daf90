"""The list of formats, as `isthmus formats` prints it: what can be read and written, and what must be installed."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from isthmus.data.formats import FORMATS as WRITTEN
from isthmus.data.media.sound import FORMATS as SOUNDS
from isthmus.data.readers.known import FORMATS
from isthmus.data.sources import MEDIA
from isthmus.data.unpacked import SUFFIXES as PACKED
from isthmus.formatting import listed
from isthmus.shown import Card, ShownList, Table


@dataclass(frozen=True)
class FormatRow:
    """One format.

    suffixes: of its files. becomes: the kind of samples. writes: those of its suffixes that can be written.
    extra: what reading needs, as in `pip install 'isthmus[extra]'`; "" where nothing more is needed.
    installed: whether it is installed here.
    """

    name: str
    suffixes: tuple[str, ...]
    becomes: str
    writes: tuple[str, ...]
    extra: str = ""
    installed: bool = True


class Formats(ShownList[FormatRow]):
    """The formats that are read and written."""

    def _card(self) -> Card:
        rows = [
            (
                one.name,
                listed(one.suffixes, 4),
                one.becomes,
                listed(one.writes, 4),
                "" if one.installed else f"pip install 'isthmus[{one.extra}]'",
            )
            for one in self
        ]
        head = ("format", "files", "becomes", "can be written", "to install")
        return Card(f"{len(self)} formats", tables=[Table(head, rows, code=(4,))])


def formats() -> Formats:
    """All formats of files, folders and addresses that `open_data` reads.

    >>> [row.suffixes for row in formats() if row.name == "Parquet"]
    [('.parquet', '.pq')]
    """
    rows = [
        FormatRow(
            each.name,
            each.suffixes,
            each.becomes,
            tuple(suffix for suffix in each.suffixes if suffix in WRITTEN),
            each.extra,
            _installed(each.modules),
        )
        for each in FORMATS
    ]
    texts, music, sound, graphs = (MEDIA[name][1] for name in ("texts", "music", "sound", "graphs"))
    rows += [
        FormatRow("Text", texts, "tokens", (".txt", ".jsonl")),
        FormatRow("MIDI", (".mid", ".midi"), "tokens or series", (".mid", ".wav")),
        FormatRow(
            "Notes",
            tuple(s for s in music if s not in (".mid", ".midi")),
            "tokens or series",
            (),
            "music",
            _installed(("music21",)),
        ),
        FormatRow("Graphs", graphs, "pictures", (".graphml", ".edgelist")),
        FormatRow("Sound", sound, "series or pictures", tuple(SOUNDS), "sound", _installed(("soundfile", "soxr"))),
        FormatRow("Folder or zip of files of one type", (".zip",), "that of the files", (".zip",)),
        FormatRow("Compressed file of any format", PACKED, "that of the file", (".npy.gz", ".idx.gz")),
        FormatRow(
            "Web address, cloud storage",
            ("https://", "s3://", "gs://", "hf://"),
            "that of the file",
            (),
            "remote",
            _installed(("fsspec", "aiohttp")),
        ),
        FormatRow("Database by SQL", ("postgresql://", "mysql://"), "table", (), "sql", _installed(("sqlalchemy",))),
    ]
    return Formats(rows)


def _installed(modules: Sequence[str]) -> bool:
    return all(find_spec(module) is not None for module in modules)
