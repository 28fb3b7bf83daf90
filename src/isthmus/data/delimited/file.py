"""The characters of a text table: its encoding, its line ends and what else one look through the file shows."""

import codecs
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from isthmus.data.options import Options
from isthmus.data.unpacked import unpacked
from isthmus.errors import DataError, remark

CHUNK = 2**20  # bytes
TAIL = 2**16
"""The bytes at the end of a file in which lines that are not data are looked for."""
FALLBACK = "cp1252"
"""The encoding of text that is not UTF-8: what Excel writes in western Europe; almost the same as Latin-1."""
MARKS = ("#", "%", "//")
"""The starts of a comment line."""
_MARKS = tuple(mark.encode() for mark in MARKS)
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile(rb"[\x01-\x08\x0e-\x1a]")  # which no text has


@dataclass(frozen=True)
class TextFile:
    """A text table, whose characters `chunks` yields as UTF-8.

    encoding: of the file. returns: whether lines end with a carriage return alone.
    quoted: whether there is a quotation mark; guarded: whether there is an apostrophe, which may guard a formula (see
    `isthmus.data.cells`). commented: whether a line may start with a comment mark.
    tail: the last characters, at most `TAIL` bytes of UTF-8; size: bytes of all characters in UTF-8.
    unpacked: the content of a compressed file; empty where it is read from the path.
    """

    path: Path
    encoding: str
    returns: bool = False
    quoted: bool = False
    guarded: bool = False
    commented: bool = False
    tail: bytes = b""
    size: int = 0
    unpacked: tuple[bytes, ...] = field(default=(), repr=False)

    def chunks(self) -> Iterator[bytes]:
        """The characters as UTF-8, with line feeds; without a mark of the byte order.

        Raises:
            DataError: some bytes are not of this encoding.
        """
        chunks = _decoded(self._bytes(), self.encoding, self.path)
        return (chunk.replace(b"\r", b"\n") for chunk in chunks) if self.returns else chunks

    def _bytes(self) -> Iterable[bytes]:
        return self.unpacked or _read(self.path)


def text_file(path: Path, options: Options) -> TextFile:
    """Look through a file once, to find its encoding, quotation marks, comments and line ends.

    Raises:
        DataError: it is not text, is not in the encoding that the options name, or unpacks to more than the limit.
    """
    content = tuple(unpacked(path, options.max_bytes)) if path.suffix.lower() == ".gz" else ()
    encoding = _encoding(content or _read(path), options, path)
    quoted = guarded = commented = feeds = returns = False
    tail, size = b"", 0
    for chunk in _decoded(content or _read(path), encoding, path):
        seen = tail[-3:] + chunk if tail else b"\n" + chunk
        quoted = quoted or b'"' in chunk
        guarded = guarded or b"'" in chunk
        feeds = feeds or b"\n" in chunk
        returns = returns or b"\r" in chunk
        commented = commented or any(mark in seen and _begins_line(mark, seen) for mark in _MARKS)
        tail = chunk[-TAIL:] if len(chunk) >= TAIL else (tail + chunk)[-TAIL:]
        size += len(chunk)
    alone = returns and not feeds
    return TextFile(
        path,
        encoding,
        returns=alone,
        quoted=quoted,
        guarded=guarded,
        commented=commented,
        tail=tail.replace(b"\r", b"\n") if alone else tail,
        size=size,
        unpacked=content,
    )


def _begins_line(mark: bytes, text: bytes) -> bool:
    return b"\n" + mark in text or b"\r" + mark in text


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter(lambda: file.read(CHUNK), b"")


def _encoding(content: Iterable[bytes], options: Options, path: Path) -> str:
    """The encoding that the options name, or that the bytes show."""
    chunks = iter(content)
    head = next(chunks, b"")
    marked = next((name for mark, name in _BOMS if head.startswith(mark)), None)
    if marked is not None:
        return marked
    if options.encoding.lower().replace("_", "-") not in ("utf-8", "utf8"):
        return options.encoding
    if b"\0" in head and (wide := _utf_16(head)):
        remark(f"{path} is read as {wide.upper()}, although it has no mark of it. If this is wrong, set encoding=.")
        return wide
    if b"\0" in head or _CONTROL.search(head):
        raise DataError(
            f"{path} is not text: expected a text table. Check its type, or name its encoding, such as "
            "encoding='utf-16'."
        )
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in itertools.chain([head], chunks):
            if not chunk.isascii() or decoder.getstate()[0]:
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        remark(
            f"{path} is not UTF-8. It is read as {FALLBACK} (Latin-1): check names with accents. "
            "If they are wrong, name its encoding, such as encoding='cp1250'."
        )
        return FALLBACK
    return "utf-8"


def _utf_16(head: bytes) -> str | None:
    """UTF-16 without a mark: most bytes at even, or at odd, places are zero, and the others spell text."""
    some = head[:4096]
    for encoding, zeros, others in (("utf-16-le", some[1::2], some[::2]), ("utf-16-be", some[::2], some[1::2])):
        if zeros.count(0) > len(zeros) / 2 and not others.count(0) and not _CONTROL.search(others):
            return encoding
    return None


def _decoded(chunks: Iterable[bytes], encoding: str, path: Path) -> Iterator[bytes]:
    """The chunks as UTF-8."""
    if encoding == "utf-8":
        yield from chunks
        return
    if encoding == "utf-8-sig":
        chunks = iter(chunks)
        yield next(chunks, b"").removeprefix(codecs.BOM_UTF8)
        yield from chunks
        return
    # Windows has no characters for five bytes of cp1252; they are shown as unknown rather than refused
    decoder = codecs.getincrementaldecoder(encoding)("replace" if encoding == FALLBACK else "strict")
    try:
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeError as error:
        raise DataError(
            f"{path} is not {encoding} ({error}). Name its encoding, such as encoding='latin-1'."
        ) from error
