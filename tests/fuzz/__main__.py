"""`python -m fuzz`: try damaged inputs, count what becomes of them, and keep those that are a fault."""

import argparse
import collections
import json
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

HANGS_SECONDS = 60.0
"""After so long an input is taken to hang."""


def main() -> int:
    """Run the fuzz target; the exit code is 1 where there was a fault."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="in all (120)")
    parser.add_argument("--seed", type=int, default=0, help="of all inputs (0)")
    parser.add_argument("--only", default="", help="targets whose names match this pattern")
    parser.add_argument("--case", default="", help="one input again: TARGET:NUMBER")
    parser.add_argument("--keep", type=Path, default=Path(".fuzz"), help="where inputs that are faults go (.fuzz)")
    parser.add_argument("--worker", nargs=2, metavar=("FOLDER", "FIRST"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    only = f"{re.escape(asked.case.rpartition(':')[0])}$" if asked.case else asked.only
    if asked.worker:
        from fuzz.codec import COMPRESSED
        from fuzz.readers import READERS
        from fuzz.runs import RUNS
        from fuzz.worker import work

        folder, first = Path(asked.worker[0]), int(asked.worker[1])
        chosen = [target for target in (*RUNS, *READERS, *COMPRESSED) if re.match(only, target.name)]
        work(chosen, folder, asked.seed, first, asked.seconds, 1 if asked.case else None)
        return 0
    with tempfile.TemporaryDirectory(prefix="isthmus-fuzz-") as folder:
        counts, faults = _watch(asked, Path(folder), int(asked.case.rpartition(":")[2] or 0))
    _tell(counts, faults, asked)
    return 1 if faults or not counts else 0


def _watch(asked: Any, folder: Path, first: int) -> tuple[dict[str, collections.Counter[str]], list[tuple[str, str]]]:
    """Have inputs tried by a process, and by another where it died of one."""
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    faults: list[tuple[str, str]] = []
    end, skipped = time.monotonic() + asked.seconds, first
    while (left := end - time.monotonic()) > 0 or not counts:
        words = [sys.executable, "-m", "fuzz", *sys.argv[1:], "--seconds", str(max(left, 1))]
        process = subprocess.Popen(
            [*words, "--worker", str(folder), str(skipped)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        errors: list[str] = []
        threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
        threading.Thread(target=lambda p=process, e=errors: e.extend(p.stderr or ()), daemon=True).start()
        begun: dict[str, Any] = {}
        ended = ready = False
        while True:
            try:
                said = lines.get(timeout=HANGS_SECONDS if ready else 600)
            except queue.Empty:
                process.kill()
                said, errors = None, [f"nothing came for {HANGS_SECONDS:g} seconds"]
            if said is None:
                break
            ready = ready or "ready" in said
            ended = ended or "done" in said
            if "target" in said:
                begun = said
            elif "outcome" in said:
                counts[begun["target"]][said["outcome"]] += 1
                if said["outcome"] == "fault":
                    faults.append((_keep(asked, folder, begun, said["error"]), said["error"]))
                begun = {}
        code = process.wait()
        if ended:
            break
        error = f"the process ended with {code}\n{''.join(errors)[-2000:]}"
        if not begun:
            raise SystemExit(f"the fuzz target itself failed: {error}")
        counts[begun["target"]]["fault"] += 1
        faults.append((_keep(asked, folder, begun, error), error))
        if asked.case:
            break
        skipped = begun["number"] + 1
    return counts, faults


def _read(stream: Any, lines: "queue.SimpleQueue[dict[str, Any] | None]") -> None:
    for line in stream:
        lines.put(json.loads(line))
    lines.put(None)


def _keep(asked: Any, folder: Path, begun: dict[str, Any], error: str) -> str:
    """Keep a damaged input with what came of it; the words that try it again."""
    case = f"{begun['target']}:{begun['number']}"
    place = asked.keep / f"{asked.seed}-{case.replace(':', '-')}"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(folder / begun["target"], place, symlinks=True)
    again = f"make fuzz SEED={asked.seed} CASE={case}"
    (place / "fault.txt").write_text(f"{again}\n\n{error}\n", encoding="utf-8", errors="backslashreplace")
    return f"{again}    kept in {place}"


def _tell(counts: dict[str, collections.Counter[str]], faults: list[tuple[str, str]], asked: Any) -> None:
    kinds = ("refused", "equal", "other", "fault")
    print(f"{'':40}{'tried':>8}" + "".join(f"{kind:>9}" for kind in kinds))
    for name, found in sorted(counts.items()):
        print(f"{name:40}{found.total():8,}" + "".join(f"{found[kind]:9,}" for kind in kinds))
    total = sum(counts.values(), collections.Counter())
    print(f"{'in all':40}{total.total():8,}" + "".join(f"{total[kind]:9,}" for kind in kinds))
    print(f"Seed {asked.seed}. Refused: in one line. Equal: used as if undamaged. Other: used as it says.")
    seen: collections.Counter[str] = collections.Counter()
    for again, error in faults:
        last = error.strip().splitlines()[-1][:200]
        seen[last] += 1
        if seen[last] <= 3:
            print(f"\nFault: {last}\n  {again}")


if __name__ == "__main__":
    sys.exit(main())
