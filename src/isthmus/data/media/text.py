"""Text: characters, or tokens of byte-pair encoding, with a vocabulary that is learnt from the training part."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from torch import Tensor

from isthmus.data.media.medium import Medium
from isthmus.errors import DataError
from isthmus.extras import needs
from isthmus.options.reading import Kind
from isthmus.special_tokens import END, SPECIAL, UNKNOWN

MOST_CHARACTERS = 4096
"""The largest number of different characters; rarer ones are unknown."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Text(Medium):
    """Texts as rows of tokens, each with the token 0 after its end; 1 is an unknown symbol.

    symbols: the vocabulary from token 2 on: characters, or the pieces of a byte-pair encoding. merges: the pairs of
    pieces that the encoding joins, in order; empty for characters. length: tokens in a row.

    Source: Sennrich, Haddow & Birch, Neural machine translation of rare words with subword units, ACL (2016).
    """

    kind: ClassVar[str] = "text"
    layout: ClassVar[Kind] = "tokens"
    suffixes: ClassVar[tuple[str, ...]] = (".txt", ".jsonl")
    together: ClassVar[bool] = True

    symbols: tuple[str, ...]
    merges: tuple[tuple[str, str], ...] = ()
    length: int

    @classmethod
    def learn(cls, texts: Sequence[str], unit: Literal["characters", "pieces"], size: int) -> Self:
        """The vocabulary of these texts: their characters, or `size` pieces that a byte-pair encoding finds in them.

        Raises:
            DataError: there is no text.
            MissingPackageError: pieces need the extra `text`.
        """
        if not any(texts):
            raise DataError("The texts of the training part are all empty: expected at least one character.")
        if unit == "characters":
            counts = Counter("".join(texts))
            common = sorted(counts, key=lambda one: (-counts[one], one))[:MOST_CHARACTERS]
            return cls(symbols=tuple(sorted(common)), length=max(map(len, texts)) + 1)
        symbols, merges = _learn_pieces(texts, size)
        found = cls(symbols=symbols, merges=merges, length=1)
        return found.model_copy(update={"length": max(map(len, found._pieces(texts))) + 1})

    @property
    def tokens(self) -> int:
        """The size of the vocabulary, with the end and the unknown symbol."""
        return len(self.symbols) + SPECIAL

    def encode(self, texts: Sequence[str], length: int | None = None) -> np.ndarray:
        """(N, length) tokens, uint8 if the vocabulary allows it, else int32; longer texts are cut at the end.

        length: `self.length` by default.
        """
        length = length or self.length
        rows = np.zeros((len(texts), length), np.uint8 if self.tokens <= 256 else np.int32)
        found = self._pieces(texts) if self.merges else [list(map(self._number, text[:length])) for text in texts]
        for row, tokens in zip(rows, found, strict=True):
            row[: len(tokens)] = tokens[:length]
        return rows

    def decode(self, values: np.ndarray | Tensor) -> list[str]:
        """(N, T) tokens as texts, each up to its end."""
        rows = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values)
        named = [self._shown(rows_of) for rows_of in rows.round().astype(np.int64)]
        return [_from_bytes(text) for text in named] if self.merges else named

    def symbols_of(self, values: Tensor) -> list[list[str]]:
        """(N, T) tokens to the text of each token, up to the end of each sample."""
        rows = values.detach().cpu().long().tolist()
        ended = [row[: row.index(END)] if END in row else row for row in rows]
        texts = [
            [self.symbols[t - SPECIAL] if SPECIAL <= t < self.tokens else REPLACEMENT for t in row] for row in ended
        ]
        return [[_from_bytes(text) for text in row] for row in texts] if self.merges else texts

    def words(self, values: np.ndarray | Tensor) -> list[str]:
        """(N, T) tokens as texts of one line each."""
        return [" ".join(text.split()) for text in self.decode(values)]

    def write(self, path: Path, values: np.ndarray, names: Sequence[str]) -> None:
        """Write (N, T) tokens: a line each, or with `.jsonl` an object each, {"name": …, "text": …}."""
        texts = self.decode(values)
        if path.suffix.lower() == ".jsonl":
            named = zip(names or [""] * len(texts), texts, strict=True)
            objects = [({"name": name} if name else {}) | {"text": text} for name, text in named]
            lines = [json.dumps(one, ensure_ascii=False) for one in objects]
        else:
            lines = self.words(values)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")

    def unknown(self, texts: Sequence[str]) -> Counter[str]:
        """How often each character that the vocabulary lacks occurs; empty for pieces, which spell every byte."""
        return Counter() if self.merges else Counter(c for c in "".join(texts) if c not in self._numbers)

    def _number(self, symbol: str) -> int:
        return self._numbers.get(symbol, UNKNOWN)

    def _shown(self, row: np.ndarray) -> str:
        ends = np.flatnonzero(row == END)
        row = row[: ends[0]] if len(ends) else row
        return "".join(self.symbols[t - SPECIAL] if SPECIAL <= t < self.tokens else REPLACEMENT for t in row.tolist())

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {symbol: number for number, symbol in enumerate(self.symbols, start=SPECIAL)}

    def _pieces(self, texts: Sequence[str]) -> list[list[int]]:
        tokenizer = _tokenizer(self.symbols, self.merges)
        return [[number + SPECIAL for number in found.ids] for found in tokenizer.encode_batch(list(texts))]


def _learn_pieces(texts: Sequence[str], size: int) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """The symbols and merges of a byte-pair encoding over bytes, so that it spells every text."""
    tokenizers = needs("tokenizers", "text", "Text in pieces")
    if size < 256 + SPECIAL + 1:
        raise DataError(f"vocabulary={size} is too small for pieces: expected at least 259, because every byte is one.")
    tokenizer = _tokenizer((), ())
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size - SPECIAL,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        special_tokens=[],
    )
    tokenizer.train_from_iterator(list(texts), trainer)
    model = json.loads(tokenizer.to_str())["model"]
    symbols = sorted(model["vocab"], key=model["vocab"].get)
    pairs = (pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"])
    return tuple(symbols), tuple((first, second) for first, second in pairs)


def _tokenizer(symbols: Sequence[str], merges: Sequence[tuple[str, str]]) -> Any:
    tokenizers = needs("tokenizers", "text", "Text in pieces")
    numbers = {symbol: number for number, symbol in enumerate(symbols)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=numbers, merges=list(merges)))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


def _from_bytes(text: str) -> str:
    """The text that the letters of a byte-level encoding stand for; bytes that are no text become `REPLACEMENT`."""
    return bytes(_BYTES.get(letter, ord("?")) for letter in text).decode("utf-8", errors="replace")


def _byte_letters() -> dict[str, int]:
    """The byte of each letter of a byte-level encoding: printable bytes stand for themselves, others follow 255."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    others = (byte for byte in range(256) if byte not in printable)
    return {chr(byte): byte for byte in printable} | {chr(256 + place): byte for place, byte in enumerate(others)}


_BYTES = _byte_letters()


def pieces_of(text: str, most: int) -> list[str]:
    """A text in pieces of at most `most` characters, cut at blanks where there are any, of about equal length."""
    count = math.ceil(len(text) / most)
    pieces: list[str] = []
    start = 0
    for left in range(count, 0, -1):
        if left == 1 and len(text) - start <= most:
            pieces.append(text[start:])
            return [piece for piece in pieces if piece.strip()]
        end = start + min(most, math.ceil((len(text) - start) / left))
        blank = text.rfind(" ", start + 1, end + 1)
        end = blank if blank > start else end
        pieces.append(text[start:end])
        start = end + (text[end : end + 1] == " ")
    while start < len(text):  # cuts at blanks can leave a rest
        pieces.append(text[start : start + most])
        start += most
    return [piece for piece in pieces if piece.strip()]
