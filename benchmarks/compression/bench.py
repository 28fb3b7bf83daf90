"""Where a section works: its peers' figures, measured once and kept, the codecs of the runs, and pictures."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from rich.console import Console

from benchmarks.compression.codec import Codec, find_codecs
from isthmus.drawing.theme import write_png
from isthmus.storage.checked import read_json
from isthmus.storage.files import finite, write_json


@dataclass
class Bench:
    """One run of the benchmark.

    out: the folder of results. runs: the folder of runs, or None. again: measure the peers anew.
    """

    out: Path
    runs: Path | None = None
    again: bool = False
    console: Console = field(default_factory=Console)
    _found: dict[str, list[Codec]] = field(default_factory=dict)

    def once(self, name: str, measure: Callable[[], Any]) -> Any:
        """Figures of a peer, as JSON holds them: those of an earlier run with the same `out`, or measured now."""
        path = self.out / "peers" / f"{name.replace('/', '-')}.json"
        if path.exists() and not self.again:
            return read_json(path)["found"]
        began = time.perf_counter()
        found = measure()
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"found": finite(found)})
        self.console.print(f"  {name}: {time.perf_counter() - began:.1f} s", highlight=False)
        return found

    def codecs(self, name: str) -> list[Codec]:
        """The runs of this name (`find_codecs`), loaded once; one line says if there are none."""
        if name not in self._found:
            self._found[name] = find_codecs(self.runs, name)
            if not self._found[name]:
                self.console.print(f"  No run {name!r} in --runs: its rows are left out.", highlight=False)
        return self._found[name]

    def draw(self, figure: Figure, name: str) -> None:
        """Write a figure as `out`/`name`.png."""
        write_png(self.out / f"{name}.png", figure)
