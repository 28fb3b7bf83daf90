"""Mutations: what can happen to bytes, and to what JSON says; all drawn from a seeded generator."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Random = np.random.Generator
NUMBERS = (0, 1, -1, 2, 127, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**64 - 1)
WORDS = (
    *(b"0", b"-1", b"1e400", b"NaN", b"inf", b"9" * 30, b"4611686018427387904", b"1e-400", b"", b"True", b"None"),
    *(b"[" * 2000, b'"', b"\0", b"\xff\xfe", b"\r", b"\n\n", b",,,,", b"../", b"\x1b[31m", b"{}", b"null", b"1" * 5000),
)
ODD = (
    *(None, True, False, 0, -1, 3.5, 1e300, -0.0, 10**25, 2**63, 2**31, "", "odd", "\0", "\udce9", "../x", "x" * 5000),
    *([], {}, [[]], [1, "a"], [None], {"kind": []}, {"a": {"b": {}}}, [0] * 100, ["a"] * 3),
)


def mutate(content: bytes, random: Random, others: Sequence[bytes] = ()) -> bytes:
    """The content after one to four mutations."""
    for _ in range(int(random.integers(1, 5))):
        content = WAYS[int(random.integers(len(WAYS)))](content, random)
        if others and random.random() < 0.1:
            content = _splice(content, others[int(random.integers(len(others)))], random)
    return content


def mutate_value(value: Any, random: Random) -> Any:
    """What JSON says, after something in it was replaced, taken away, renamed, doubled or wrapped."""
    for _ in range(int(random.integers(1, 3))):
        paths = _paths(value)
        value = _changed(value, paths[random.integers(len(paths))], random)
    return value


def _flip(content: bytes, random: Random) -> bytes:
    if not content:
        return content
    changed = bytearray(content)
    for place in random.integers(len(content), size=int(random.integers(1, 4))):
        changed[place] ^= 1 << int(random.integers(8))
    return bytes(changed)


def _truncate(content: bytes, random: Random) -> bytes:
    return content[: _place(content, random)]


def _cut(content: bytes, random: Random) -> bytes:
    begin = _place(content, random)
    return content[:begin] + content[begin + int(random.integers(1, 40)) :]


def _repeat(content: bytes, random: Random) -> bytes:
    begin = _place(content, random)
    piece = content[begin : begin + int(random.integers(1, 200))]
    return content[:begin] + piece * int(random.integers(2, 30)) + content[begin:]


def _insert(content: bytes, random: Random) -> bytes:
    begin = _place(content, random)
    return content[:begin] + random.bytes(int(random.integers(1, 20))) + content[begin:]


def _word(content: bytes, random: Random) -> bytes:
    begin = _place(content, random)
    return content[:begin] + WORDS[random.integers(len(WORDS))] + content[begin:]


def _number(content: bytes, random: Random) -> bytes:
    """A binary number, near the beginning more often, as headers are."""
    size = int(random.choice([1, 2, 4, 8]))
    begin = _place(content, random) if random.random() < 0.5 else int(random.integers(min(len(content), 64) + 1))
    number = NUMBERS[random.integers(len(NUMBERS))] % 2 ** (8 * size)
    return content[:begin] + number.to_bytes(size, str(random.choice(["little", "big"]))) + content[begin + size :]  # pyright: ignore[reportArgumentType]


def _token(content: bytes, random: Random) -> bytes:
    """A number that is written in digits."""
    found = list(re.finditer(rb"-?\d+(\.\d+)?", content[:20_000]))
    if not found:
        return _word(content, random)
    chosen = found[random.integers(len(found))]
    return content[: chosen.start()] + WORDS[random.integers(len(WORDS))] + content[chosen.end() :]


def _splice(content: bytes, other: bytes, random: Random) -> bytes:
    begin = _place(other, random)
    return content[: _place(content, random)] + other[begin : begin + int(random.integers(1, 400))]


def _place(content: bytes, random: Random) -> int:
    return int(random.integers(len(content) + 1))


WAYS: tuple[Callable[[bytes, Random], bytes], ...] = (
    *(_flip, _flip, _truncate, _cut, _repeat, _insert, _word, _number, _number, _token, _token),
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, one in inner for found in _paths(one, (*path, key)))]


def _changed(value: Any, path: tuple[Any, ...], random: Random) -> Any:
    if path:
        copy = dict(value) if isinstance(value, Mapping) else list(value)
        copy[path[0]] = _changed(value[path[0]], path[1:], random)
        return copy
    match int(random.integers(6)):
        case 0 if isinstance(value, Mapping) and value:
            gone = list(value)[random.integers(len(value))]
            return {name: one for name, one in value.items() if name != gone}
        case 1 if isinstance(value, Mapping):
            return {**value, "odd": ODD[random.integers(len(ODD))]}
        case 1 if isinstance(value, list):
            return [*value, *value[-1:], ODD[random.integers(len(ODD))]]
        case 2:
            return [value]
        case 3 if isinstance(value, int | float):
            return value * float(random.choice([-1, 1e6, 1e-6, 1e30])) if random.random() < 0.5 else value + 1
        case _:
            return ODD[random.integers(len(ODD))]
