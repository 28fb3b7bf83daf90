"""Kinds of files: which of a folder's files are read together, and a remark that counts the others."""

from collections import Counter
from collections.abc import Collection, Mapping

from isthmus.data.entries import stem_of, suffix_of
from isthmus.data.picture_formats import BY_SUFFIX, SUFFIXES, format_of
from isthmus.errors import remark
from isthmus.formatting import listed


def leading(names: Collection[str], kinds: Mapping[str, Collection[str]]) -> str | None:
    """The kind with the most files, by the suffixes of each kind; None if no kind has any.

    Of equally many, the kind that comes first counts. Files that are named after a picture (`a.txt` for `a.jpg`)
    describe it and don't count.
    """
    pictures = {stem_of(name) for name in names if suffix_of(name) in SUFFIXES}
    found = Counter(suffix_of(name) for name in names if suffix_of(name) in SUFFIXES or stem_of(name) not in pictures)
    counts = {kind: sum(found[suffix] for suffix in suffixes) for kind, suffixes in kinds.items()}
    most = max(counts, key=counts.__getitem__)
    return most if counts[most] else None


def tell_unread(where: str, found: Mapping[str, int], read: Collection[str]) -> None:
    """Remark on the files that aren't read, by type.

    found: how many files of each suffix there are. read: the suffixes that are read.
    """
    others = Counter({suffix: count for suffix, count in found.items() if suffix not in read})
    if others:
        some = listed([f"{count} of type {suffix or 'none'}" for suffix, count in others.most_common()])
        one = others.total() == 1
        remark(f"{where}: {others.total()} other file{'' if one else 's'} {'is' if one else 'are'} not read ({some}).")


def of_one_kind(names: list[str]) -> list[str]:
    """The pictures, videos, slices or other files that are read alike, of which there are most."""
    counts = Counter(format.kind for name in names if (format := format_of(name)) is not None)
    if len(counts) < 2:
        return names
    most = counts.most_common(1)[0][0]
    return [name for name in names if (format := format_of(name)) is not None and format.kind == most]


def read_with(names: Collection[str]) -> set[str]:
    """The suffixes that are read together with these files, or for which a package is missing."""
    kinds = {format.kind for name in names if (format := format_of(name)) is not None}
    return {suffix_of(name) for name in names} | {s for s in SUFFIXES if BY_SUFFIX[s].kind in kinds}
