"""Tokens a second in training on lines of text, by Isthmus and by a textbook loop in turns; and cached generation.

`python -m benchmarks.speed.sequences --json out.json`; both train the same VAE of GRUs or attention
blocks. Figures are medians of the turns, in processor time, because others may use the machine too.
"""

import argparse
import contextlib
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from rich.console import Console
from rich.table import Column, Table
from torch import Tensor, nn
from torch.nn import functional as F

import isthmus as ist
from benchmarks.digits import find_file
from benchmarks.speed.harness import machine
from benchmarks.speed.training import load, names, write
from isthmus.parts import Gru, Network, Transformer
from isthmus.parts.networks.autoregressive import Autoregressive
from isthmus.training.loop import Training
from isthmus.training.settings import Settings

CODE, EMBEDDING, WIDTH, HEADS, DEPTH, DROPPED = 32, 64, 256, 4, 3, 0.4
NETWORKS: dict[str, Network] = {
    "gru": Gru(widths=(WIDTH,), embedding=EMBEDDING, word_dropout=DROPPED),
    "transformer": Transformer(width=WIDTH // 2, depth=DEPTH, heads=HEADS, word_dropout=DROPPED),
}
Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
FILE = "text/shakespeare.txt"
BATCH, ROWS = 64, 1024
END, UNKNOWN = 0, 1
GENERATED, LENGTH = 16, 128
"""Samples that are generated, and their tokens."""


def main() -> None:
    """Run all and print two tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--text", type=Path, help=f"a file of lines (by default {FILE}, or lines of drawn words)")
    parser.add_argument("--only", type=names(NETWORKS), default=list(NETWORKS), help="networks, by commas")
    parser.add_argument("--turns", type=int, default=5, help="rounds in which both have their turn (5)")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"lines an epoch ({ROWS:,})")
    parser.add_argument("--json", type=Path, help="write a row per network and precision")
    words = parser.parse_args()
    console, about = Console(), machine()
    console.print(f"{about['processor']}, {about['cores']} cores, {about['instructions']}; {load()}", highlight=False)
    data = ist.open_data(words.text or find_file(FILE) or drawn_lines(), kind="text")
    rows = race(data, words.only, words.turns, words.rows)
    titles = ("isthmus, tokens/s", "textbook, tokens/s", "ratio", "least–most")
    made = Table("network", "precision", *(Column(title, justify="right") for title in titles))
    for row in rows:
        ratios = [textbook / own for own, textbook in zip(row["seconds"], row["textbook_seconds"], strict=True)]
        speeds = [row["tokens"] / statistics.median(row[name]) for name in ("seconds", "textbook_seconds")]
        row |= {"ratio": statistics.median(ratios), "ratios": ratios}
        between = f"{min(ratios):.2f}–{max(ratios):.2f}"
        made.add_row(row["network"], row["precision"], *(f"{s:,.0f}" for s in speeds), f"{row['ratio']:.2f}", between)
    console.print(made)
    for name in words.only:
        row = generation(name, words.turns)
        rows.append(row)
        ratios = [plain / cached for cached, plain in zip(row["seconds"], row["uncached_seconds"], strict=True)]
        console.print(
            f"{name}, {GENERATED} samples of {LENGTH} tokens: {statistics.median(row['seconds']):.3f} s cached, "
            f"{statistics.median(row['uncached_seconds']):.2f} s uncached, {statistics.median(ratios):.1f} times",
            highlight=False,
        )
    if words.json:
        write([{**row, "machine": about} for row in rows], words.json)


def race(data: "ist.Data", networks: list[str], turns: int, count: int) -> list[dict[str, Any]]:
    """A row for each network and precision, all in turns: seconds of processor time of each turn's epoch."""
    train = data.train.take(torch.randperm(len(data.train), generator=torch.Generator().manual_seed(0))[:count])
    size, longest = train.medium.tokens if train.medium else 0, train.shape[0]
    rows: list[dict[str, Any]] = []
    runners: list[tuple[Callable[[], None], Callable[[], None]]] = []
    for name in networks:
        for precision in PRECISIONS:
            model = ist.recipe("text-vae", network=NETWORKS[name], code=CODE).build(data, remarks=False)
            settings = Settings(epochs=1, batch_size=BATCH, learning_rate=1e-3, precision=precision, compile=False)
            theirs = Textbook(name, size, longest)
            runners.append((isthmus_epoch(model, train, settings), textbook_epoch(theirs, train.tensor(), precision)))
            tokens = int((train.tensor() != END).sum()) + count
            row = {"network": name, "precision": precision, "tokens": tokens, "batch": BATCH}
            rows.append(row | {"seconds": [], "textbook_seconds": []})
    for turn in range(turns + 1):  # the first one warms up
        for row, pair in zip(rows, runners, strict=True):
            for clock, epoch in zip(("seconds", "textbook_seconds"), pair, strict=True):
                seconds = timed(epoch)
                if turn:
                    row[clock].append(seconds)
    return rows


def timed(work: Callable[[], Any]) -> float:
    """Seconds of processor time."""
    began = time.process_time()
    work()
    return time.process_time() - began


def isthmus_epoch(model: Any, train: Any, settings: Settings) -> Callable[[], None]:
    """An epoch as `fit` trains it, with all that it sets up."""
    return lambda: Training(model, train, None, settings).run() and None


def textbook_epoch(model: nn.Module, tokens: Tensor, precision: Precision) -> Callable[[], None]:
    """An epoch as tutorials write it: each batch is padded to its longest line."""
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    lengths = ((tokens != END).sum(1) + 1).clamp(max=tokens.shape[1])

    def epoch() -> None:
        for rows in torch.randperm(len(tokens)).split(BATCH):
            x = tokens[rows, : int(lengths[rows].max())].long()
            lower = torch.autocast("cpu", torch.bfloat16) if precision == "bfloat16" else contextlib.nullcontext()
            with lower:
                logits, mean, variance = model(x, lengths[rows])
            ignored = torch.arange(x.shape[1]) >= lengths[rows][:, None]
            wanted = x.masked_fill(ignored, -100)
            distance = F.cross_entropy(logits.float().flatten(0, 1), wanted.flatten(), reduction="sum")
            kl = 0.5 * (mean.square() + variance.exp() - 1 - variance).sum()
            loss = (distance + kl) / len(x)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss.item()

    return epoch


class Textbook(nn.Module):
    """The same VAE from PyTorch's own layers; each batch is (N, T) tokens, shorter ones padded."""

    def __init__(self, network: str, tokens: int, longest: int) -> None:
        super().__init__()
        self.recurrent = network == "gru"
        embedded = EMBEDDING if self.recurrent else WIDTH // 2
        self.read, self.seen = nn.Embedding(tokens, embedded), nn.Embedding(tokens, embedded)
        width = WIDTH if self.recurrent else embedded
        self.to_code, self.head = nn.Linear(width, 2 * CODE), nn.Linear(width, tokens)
        if self.recurrent:
            self.encoder = nn.GRU(embedded, WIDTH, batch_first=True)
            self.decoder = nn.GRU(embedded + CODE, WIDTH, batch_first=True)
            self.first = nn.Linear(CODE, WIDTH)
            return
        blocks = [
            nn.TransformerEncoderLayer(
                width, HEADS, 4 * width, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(2)
        ]
        self.encoder, self.decoder = (
            nn.TransformerEncoder(block, DEPTH, nn.LayerNorm(width), enable_nested_tensor=False) for block in blocks
        )
        self.places, self.spread = nn.Embedding(longest, width), nn.Linear(CODE, width)

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, T) tokens and their (N,) lengths to the logits (N, T, tokens), and the code's mean and log-variance."""
        padding = torch.arange(x.shape[1]) >= lengths[:, None]
        read, places = self.read(x), torch.arange(x.shape[1])
        if self.recurrent:
            last = self.encoder(read)[1][0]
        else:
            made = self.encoder(read + self.places(places), src_key_padding_mask=padding)
            last = made.masked_fill(padding[..., None], 0).sum(1) / lengths[:, None]
        mean, variance = self.to_code(last).float().chunk(2, 1)
        z = mean + (0.5 * variance).exp() * torch.randn_like(mean)
        before = F.pad(torch.where(torch.rand(x.shape) < DROPPED, UNKNOWN, x)[:, :-1], (1, 0))
        seen = self.seen(before)
        if self.recurrent:
            given = torch.cat([seen, z[:, None].expand(-1, x.shape[1], -1)], 2)
            return self.head(self.decoder(given, torch.tanh(self.first(z))[None].to(given.dtype))[0]), mean, variance
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        given = seen + self.places(places) + self.spread(z)[:, None]
        return self.head(self.decoder(given, mask=mask, is_causal=True)), mean, variance


def generation(name: str, turns: int) -> dict[str, Any]:
    """Seconds to generate tokens with a state or cache, and by running over all tokens so far for each."""
    generator = torch.Generator().manual_seed(0)
    network = NETWORKS[name].replace(tokens=64)
    decoder = network.decoder((CODE,), (64, LENGTH), generator).get_submodule("output")
    assert isinstance(decoder, Autoregressive)
    z = torch.randn(GENERATED, CODE, generator=generator)
    with torch.no_grad():
        decoder.head.bias[END] = -1e3  # no text ends before its length

    @torch.no_grad()
    def uncached() -> Tensor:
        tokens = torch.zeros(GENERATED, LENGTH, dtype=torch.long)
        for place in range(LENGTH):
            tokens[:, place] = decoder(z, None, tokens[:, : place + 1])[:, :, place].argmax(1)
        return tokens

    if not torch.equal(decoder.generate(z)[0], uncached()):
        raise ValueError("Generation with and without a cache differs.")
    seconds: dict[str, list[float]] = {"seconds": [], "uncached_seconds": []}
    for _ in range(turns):
        seconds["seconds"].append(timed(lambda: decoder.generate(z)))
        seconds["uncached_seconds"].append(timed(uncached))
    return {"network": name, "use": "generate", "samples": GENERATED, "length": LENGTH, **seconds}


def drawn_lines() -> list[str]:
    """Lines of words of random letters, of 5 to 60 characters."""
    chance = random.Random(0)  # noqa: S311
    letters = "abcdefghijklmnopqrstuvwxyz    "
    return ["".join(chance.choices(letters, k=chance.randint(5, 60))) for _ in range(4 * ROWS)]


if __name__ == "__main__":
    main()
