"""Texts: from files, columns of tables and lists of strings to rows of tokens."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from isthmus.data.entries import Entry, UnreadableError
from isthmus.data.media import Medium, Text
from isthmus.data.media.text import pieces_of
from isthmus.data.options import Options
from isthmus.data.raw import Raw
from isthmus.data.splits import split
from isthmus.data.windows import Window, windows_of
from isthmus.errors import DataError, remark
from isthmus.formatting import listed
from isthmus.plain import reads_as_number

PROSE = (".txt", ".md", ".text")
OBJECTS = (".jsonl", ".ndjson")
SUFFIXES = (*PROSE, *OBJECTS)
"""Files that can hold texts."""
USUAL_WINDOW = 128
"""Characters of a sample; a longer line is cut into pieces."""
_HEAD = 2**16
_NONE = np.empty((0, 0), np.uint8)
"""The values of a source of texts, until there is a vocabulary."""


def is_prose(path: Path) -> bool:
    """Whether a text file looks like prose: lines of different numbers of words, hardly any of which is a number."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    lines = [line.split() for line in head.decode("utf-8", errors="replace").splitlines() if line.strip()][:-1]
    words = [word for line in lines for word in line]
    numbers = sum(reads_as_number(word) for word in words)
    return len({len(line) for line in lines}) > 1 and len(lines) > 2 and numbers < 0.1 * len(words)


def read_files(entries: Sequence[Entry], options: Options, where: str, medium: Medium | None) -> Raw:
    """The texts of files, each cut by `options.unit`. The first folder of each file is its label.

    medium: of a model that the texts are for; `encoded` applies it.

    Raises:
        DataError: no file has text in this encoding.
    """
    found = windows_of(entries, where, lambda entry: _windows(entry, options), "text files")
    alone = len(entries) == 1
    raws = {
        part: Raw(
            _NONE,
            windows.labels,
            names=() if alone else tuple(windows.names),
            groups=None if alone else windows.groups,
            texts=tuple(windows.items),
        )
        for part, windows in found.items()
    }
    train = raws.pop("train")
    if alone:  # lines of one file are independent, unless they are pieces of one text
        return from_texts(train.texts, options, where, labels=None)
    others = {name: _pieced(raw, options, where) for name, raw in raws.items()}
    return replace(_pieced(train, options, where), parts=others)


def from_texts(texts: Sequence[Any], options: Options, where: str, labels: Any = None) -> Raw:
    """Texts in memory, one or more samples each.

    Raises:
        DataError: some are no texts, or all are empty.
    """
    wrong = next((place for place, text in enumerate(texts) if not isinstance(text, str)), None)
    if wrong is not None:
        raise DataError(
            f"{where}: text {wrong} is {type(texts[wrong]).__name__}, not a text: expected strings. "
            "Leave such rows out, or convert them with str()."
        )
    if not any(text.strip() for text in texts):
        raise DataError(f"{where} has no text: expected at least one line with a character.")
    return _pieced(Raw(_NONE, labels, texts=tuple(texts)), options, where)


def with_vocabulary(raw: Raw, options: Options, fractions: Mapping[str, float], seed: int) -> Raw:
    """The values of a source of texts, with a vocabulary of the rows that a split by these arguments trains on."""
    if not raw.texts:
        return raw
    train = split(len(raw.texts), fractions["validation"], fractions["test"], seed, raw.groups).train
    chosen = [raw.texts[row] for row in train.tolist()]
    medium = Text.learn(chosen, "characters" if options.pieces is None else "pieces", options.pieces or 0)
    return encoded(raw, medium, "The samples")


def encoded(raw: Raw, medium: Medium | None, where: str) -> Raw:
    """The values of a source of texts, in this vocabulary.

    Raises:
        DataError: the model wasn't trained on text.
    """
    if not raw.texts:
        if isinstance(medium, Text) and raw.medium is not None:
            raise DataError(f"{where} has {raw.medium.kind}, but the model was trained on text. Give it text.")
        return raw
    if not isinstance(medium, Text):
        was = "plain numbers or pictures" if medium is None else medium.kind
        raise DataError(f"{where} has text, but the model was trained on {was}. Give it such data.")
    unknown = medium.unknown(raw.texts)
    if unknown:
        some = listed([repr(symbol) for symbol, _ in unknown.most_common(5)])
        remark(
            f"{where}: {sum(unknown.values())} characters are not in the vocabulary, which comes from the training "
            f"part ({some}); they are read as unknown."
        )
    cut = sum(len(text) >= medium.length for text in raw.texts) if not medium.merges else 0
    if cut:
        remark(f"{where}: {cut} texts are longer than the model's {medium.length - 1} tokens; their ends are cut off.")
    parts = {name: encoded(part, medium, f"{where} ({name})") for name, part in raw.parts.items()}
    return replace(raw, values=medium.encode(raw.texts), texts=(), medium=medium, kind="tokens", parts=parts)


def _windows(entry: Entry, options: Options) -> list[Window]:
    with entry.open() as file:
        content = file.read()
    if not content.strip():
        raise UnreadableError(f"{entry.name} is empty.")
    text = _decoded(content, entry.name, options.encoding)
    if PurePosixPath(entry.name).suffix.lower() in OBJECTS:
        return [(found, str(line)) for line, found in _objects(text, entry.name, options)]
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if options.unit == "file":
        return [(text.strip("\n"), "")]
    if options.unit == "paragraph":
        blocks = [block.strip("\n") for block in text.split("\n\n")]
        return [(block, str(place)) for place, block in enumerate(blocks, start=1) if block.strip()]
    return [(line, str(place)) for place, line in enumerate(text.split("\n"), start=1) if line.strip()]


def _decoded(content: bytes, name: str, encoding: str) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) and encoding == "utf-8":
        encoding = "utf-16"
    try:
        return content.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableError(
            f"{name} is not {encoding}: line {line} has the byte 0x{content[error.start]:02x}. Save it as UTF-8, or "
            "name its encoding, such as encoding='latin-1'."
        ) from error


def _objects(text: str, name: str, options: Options) -> list[tuple[int, str]]:
    """The lines' numbers and texts of JSON lines: strings, or objects with a field of text."""
    found = []
    field = options.columns[0] if options.columns else None
    for place, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            given = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UnreadableError(f"{name} is damaged: line {place} is not JSON ({str(error)[:60]}).") from error
        if isinstance(given, Mapping):
            if field is None:
                field = _only_text(given, name)
            given = given.get(field)
        if not isinstance(given, str):
            raise UnreadableError(
                f"{name}: line {place} has no text{f' in {field!r}' if field else ''}: expected a string, or an object "
                "with one. Name the field with columns=."
            )
        found.append((place, given))
    return found


def _only_text(given: Mapping[str, Any], name: str) -> str:
    fields = [key for key, value in given.items() if isinstance(value, str)]
    if "text" in fields:
        return "text"
    if len(fields) != 1:
        raise DataError(f"{name} has {len(fields)} fields of text ({listed(fields)}): name one with columns=.")
    return fields[0]


def _pieced(raw: Raw, options: Options, where: str) -> Raw:
    """The same texts, those longer than a window in pieces that stay in one part of the data; empty ones left out."""
    most = max(1, round(options.length("window", "characters") or USUAL_WINDOW))
    rows = [(row, piece) for row, text in enumerate(raw.texts) for piece in pieces_of(text, most)]
    empty = sum(not text.strip() for text in raw.texts)
    if empty:
        remark(f"{where}: {empty} texts are empty and are left out.")
    long = sum(len(text) > most for text in raw.texts)
    if long:
        remark(
            f"{where}: {long} of {len(raw.texts)} texts are longer than {most} characters and are cut into pieces. "
            f"Set window= to read longer texts whole."
        )
    order = [row for row, _ in rows]
    labels = None if raw.labels is None else [raw.labels[row] for row in order]
    groups = None
    if raw.groups is not None:
        groups = raw.groups[order]
    elif long:
        groups = np.array(order)
    names = tuple(raw.names[row] for row in order) if raw.names else ()
    return replace(raw, texts=tuple(piece for _, piece in rows), labels=labels, groups=groups, names=names)
