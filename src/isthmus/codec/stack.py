"""A stack of symbols in few bits: asymmetric numeral systems, over the library `constriction`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from isthmus.codec.packing import DamagedError, Reader
from isthmus.extras import needs

LEAST = 2.0**-22
"""The least probability of an answer to a question, near the least that the library can code."""
FLOOR = 2.0**-44
"""A probability that each level gets in addition, so that a number far from the guess costs some 44 bits, not more."""


@dataclass(frozen=True)
class Levels:
    """The distributions of n whole numbers, each from 0 to `count` - 1, that needn't be alike.

    cumulative: of (k,) rows among the n and (k,) levels, the (k,) probability of a smaller number than the level, in
        float64, with the same bits on every machine (`isthmus.exact`).
    guess: (n,) likely numbers. width: (n,) how far from the guess they lie; a better guess only makes coding faster.
    """

    count: int
    cumulative: Callable[[Tensor, Tensor], Tensor]
    guess: Tensor
    width: Tensor

    def bits(self, numbers: Tensor) -> Tensor:
        """(n,) whole numbers to (n,) what each costs."""
        rows, most = torch.arange(len(numbers)), self.count - 1
        below = torch.where(numbers > 0, self.cumulative(rows, numbers.clamp(min=1)), 0.0)
        upto = torch.where(numbers < most, self.cumulative(rows, (numbers + 1).clamp(max=max(1, most))), 1.0)
        return -(upto - below + FLOOR).log2()

    def at(self, chosen: Tensor) -> "Levels":
        """The distributions of some of the numbers."""
        return Levels(
            self.count, lambda rows, level: self.cumulative(chosen[rows], level), self.guess[chosen], self.width[chosen]
        )

    def from_end(self) -> "Levels":
        """The same distributions, with a better guess where 0 or the highest level has more than half of the weight."""
        rows, upper = torch.arange(len(self.guess)), 2 * self.guess >= self.count
        end = 1 + upper * (max(1, self.count - 1) - 1)
        below = self.cumulative(rows, end)
        guess = torch.where((below < 0.5) == upper, end, self.guess)
        return Levels(self.count, self.cumulative, guess, self.width)


@dataclass(frozen=True)
class Tabled:
    """The distributions of n whole numbers, each by the number of its table.

    probabilities: of each table (levels,) in float64, with the same bits on every machine. table: (n,) whole numbers.
    """

    probabilities: Sequence[np.ndarray]
    table: np.ndarray


Distribution = Levels | Tabled


class Stack:
    """Symbols in, symbols out: the last ones first. `len` is the number of bits.

    A symbol of probability p adds -log₂ p bits when it is pushed. Popping removes as many, whatever the bits are: from
    random bits it draws symbols with these probabilities, and pushing these symbols again restores the bits. Bits-back
    coding rests on this.

    Source: Duda, Asymmetric numeral systems (2009); Bamler, Understanding entropy coding with asymmetric numeral
    systems (2022), `constriction`.
    """

    def __init__(self, words: np.ndarray | None = None) -> None:
        coder = _library().stream.stack.AnsCoder
        self._coder = coder() if words is None else coder(np.ascontiguousarray(words, dtype=np.uint32))

    def __len__(self) -> int:
        return int(self._coder.num_valid_bits())

    def words(self) -> np.ndarray:
        """The bits as uint32 numbers, from which a new stack can go on."""
        return self._coder.get_compressed()

    def to_bytes(self) -> bytes:
        """The words, four bytes each."""
        return self.words().astype("<u4").tobytes()

    @classmethod
    def read(cls, reader: Reader) -> Self:
        """The inverse of `to_bytes`, from all bytes that are left."""
        if reader.left % 4:
            raise DamagedError("its bits are incomplete")
        return cls(np.frombuffer(reader.take(reader.left), "<u4"))

    def push(self, symbols: Tensor, distribution: Distribution) -> None:
        """Add (n,) whole numbers."""
        if isinstance(distribution, Tabled):
            self._push_tabled(symbols.numpy().astype(np.int32), distribution)
            return
        asked = []
        search = _Search(distribution)
        while search.unknown:
            probabilities = search.probabilities()
            answers = symbols[search.rows] >= search.split
            asked.append((answers.numpy().astype(np.int32), probabilities))
            search.learn(answers)
        for answers, probabilities in reversed(asked):
            self._coder.encode_reverse(answers, _bernoulli(), probabilities)

    def pop(self, distribution: Distribution) -> Tensor:
        """Remove and return (n,) whole numbers."""
        if isinstance(distribution, Tabled):
            return torch.from_numpy(self._pop_tabled(distribution).astype(np.int64))
        search = _Search(distribution)
        while search.unknown:
            answers = self._coder.decode(_bernoulli(), search.probabilities())
            search.learn(torch.from_numpy(answers.astype(bool)))
        return search.low

    def _push_tabled(self, symbols: np.ndarray, tabled: Tabled) -> None:
        for table, rows in reversed(_by_table(tabled.table)):
            self._coder.encode_reverse(symbols[rows], _categorical(tabled.probabilities[table]))

    def _pop_tabled(self, tabled: Tabled) -> np.ndarray:
        symbols = np.empty(len(tabled.table), np.int32)
        for table, rows in _by_table(tabled.table):
            symbols[rows] = self._coder.decode(_categorical(tabled.probabilities[table]), len(rows))
        return symbols


class _Search:
    """Finds each number by questions "is it at least `split`?", which gallop away from the guess, then halve.

    low: (n,) the least numbers that are possible. rows: those with a question. split: the question's level for each.
    """

    def __init__(self, levels: Levels) -> None:
        self.levels = levels
        count = len(levels.guess)
        self.low = torch.zeros(count, dtype=torch.int64)
        self.rows = torch.arange(count if levels.count > 1 else 0)
        self.split = levels.guess.clamp(1, max(1, levels.count - 1))
        # of the rows that are left: bounds of the number, cumulative probabilities there, and how far to gallop next
        self._low, self._high = self.low.clone(), torch.full((count,), levels.count)
        self._below, self._above = torch.zeros(count, dtype=torch.float64), torch.ones(count, dtype=torch.float64)
        self._step = levels.width.clamp(1, levels.count)

    @property
    def unknown(self) -> bool:
        return len(self.rows) > 0

    def probabilities(self) -> np.ndarray:
        """(k,) probability that the answer is yes."""
        share = 1 - self.levels.count * FLOOR
        self._at = share * self.levels.cumulative(self.rows, self.split) + FLOOR * self.split.double()
        whole = self._above - self._below
        yes = (self._above - self._at) / torch.where(whole > 0, whole, 1.0)
        return yes.nan_to_num(0.5).clamp(LEAST, 1 - LEAST).numpy()  # of NaN, the library would abort

    def learn(self, answers: Tensor) -> None:
        """Take (k,) answers, and choose the next questions."""
        low, high = torch.where(answers, self.split, self._low), torch.where(answers, self._high, self.split)
        below, above = torch.where(answers, self._at, self._below), torch.where(answers, self._above, self._at)
        self.low[self.rows] = low
        left = (high - low > 1).nonzero()[:, 0]
        self.rows, self._low, self._high, self._below, self._above, step = (
            x.index_select(0, left) for x in (self.rows, low, high, below, above, self._step)
        )
        low, high = self._low, self._high
        upwards, downwards = high == self.levels.count, low == 0
        galloping = torch.where(upwards, low + step, high - step)
        split = torch.where(upwards ^ downwards, galloping, (low + high) // 2)
        self.split = torch.maximum(torch.minimum(split, high - 1), low + 1)
        self._step = 2 * step


def _by_table(table: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """The tables in use with the rows of each, in order."""
    if not len(table):
        return []
    order = np.argsort(table, kind="stable")
    used, starts = np.unique(table[order], return_index=True)
    return list(zip(used.tolist(), np.split(order, starts[1:]), strict=True))


def _bernoulli() -> Any:
    return _library().stream.model.Bernoulli(perfect=False)


def _categorical(probabilities: np.ndarray) -> Any:
    return _library().stream.model.Categorical(probabilities, perfect=False)


def _library() -> ModuleType:
    return needs("constriction", "codec", "Compression")
