"""Speed of `isthmus serve`: rows a second and the time of a request, for a table model and many clients at once.

    python -m benchmarks.serving                      # trains a model, starts a server, measures each endpoint
    python benchmarks/serving.py --clients 32 --seconds 10 --rows 1

The server is a process of its own; the clients are tasks of this one. Each keeps one connection, and sends its next
request when it has its answer.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

COLUMNS, ROWS = 20, 5000


@dataclass
class Measured:
    """What the clients saw: the seconds of each request, and the requests that failed."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0


def table(path: Path) -> None:
    """A table of numbers, two categories and some missing cells, as Parquet."""
    random = np.random.default_rng(0)
    inner = random.normal(size=(ROWS, 4))
    values = inner @ random.normal(size=(4, COLUMNS - 2)) + 0.1 * random.normal(size=(ROWS, COLUMNS - 2))
    frame = pd.DataFrame(values, columns=[f"x{place}" for place in range(COLUMNS - 2)])
    frame["colour"] = np.where(inner[:, 0] > 0, "red", np.where(inner[:, 1] > 0, "green", "blue"))
    frame["size"] = np.where(inner[:, 2] > 0, "large", "small")
    frame.loc[::17, "x1"] = None
    frame.to_parquet(path)


def bodies(path: Path, rows: int) -> list[bytes]:
    """JSON bodies of a few rows each."""
    found = pq.read_table(path).slice(0, 64 * rows).to_pylist()
    return [json.dumps({"rows": found[start : start + rows]}).encode() for start in range(0, len(found), rows)]


def wait_until_ready(address: str) -> None:
    """Wait until the server has prepared what its endpoints need."""
    while True:
        try:
            with urlopen(f"{address}/ready"):  # noqa: S310  # our own server
                return
        except HTTPError:
            time.sleep(0.1)


def processor_seconds(address: str) -> float:
    """The processor time that the server has used, by its metrics."""
    with urlopen(f"{address}/metrics") as answer:  # noqa: S310  # our own server
        lines = answer.read().decode().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith("process_cpu_seconds_total ")))


async def client(address: str, path: str, contents: list[bytes], until: float, seen: Measured, first: int) -> None:
    """Send requests over one connection until the time is over."""
    place = urlsplit(address)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    head = f"POST {path} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\nContent-Length: "
    number = first
    while (begun := time.perf_counter()) < until:
        content = contents[number % len(contents)]
        number += 1
        writer.write(f"{head}{len(content)}\r\n\r\n".encode() + content)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = answer.lower().index(b"content-length:") + len(b"content-length:")
        await reader.readexactly(int(answer[length : answer.index(b"\r\n", length)]))
        seen.seconds.append(time.perf_counter() - begun)
        seen.failed += not answer.startswith(b"HTTP/1.1 200")
    writer.close()


async def measure(address: str, path: str, contents: list[bytes], clients: int, seconds: float) -> tuple[Measured, int]:
    """All clients at once, after a second that doesn't count; and how many requests were answered in all."""
    done = 0
    for span, seen in ((min(1.0, seconds), Measured()), (seconds, Measured())):
        until = time.perf_counter() + span
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(client(address, path, contents, until, seen, number))
        done += len(seen.seconds)
    return seen, done


def main() -> None:
    """Train, serve and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rows", type=int, nargs="*", default=[1, 10], help="rows in a request")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    given = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory() as place:
        source, folder = Path(place) / "table.parquet", Path(place) / "run"
        table(source)
        command = [sys.executable, "-m", "isthmus"]
        words = ["train", str(source), "--missing", "keep", "--out", str(folder), "--quiet", "--epochs", "5"]
        subprocess.run([*command, *words], check=True)  # noqa: S603  # our own command
        serve = [*command, "serve", str(folder), "--port", "0"]
        server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)  # noqa: S603  # as above
        try:
            assert server.stdout is not None
            address = next(word for word in server.stdout.readline().split() if word.startswith("http://"))
            wait_until_ready(address)
            for rows in given.rows:
                contents = bodies(source, rows)
                for use in ("encode", "reconstruct", "detect"):
                    path = f"/v1/{use}"
                    before = processor_seconds(address)
                    seen, done = asyncio.run(measure(address, path, contents, given.clients, given.seconds))
                    used = processor_seconds(address) - before
                    times = np.array(seen.seconds)
                    results.append(
                        {
                            "use": use,
                            "rows in a request": rows,
                            "rows a second": round(len(times) * rows / given.seconds),
                            "p50 ms": round(1000 * float(np.quantile(times, 0.5)), 1),
                            "p99 ms": round(1000 * float(np.quantile(times, 0.99)), 1),
                            "processor ms a request": round(1000 * used / done, 2),
                            "failed": seen.failed,
                        }
                    )
                    if not given.json:
                        print(", ".join(f"{name} {value}" for name, value in results[-1].items()), flush=True)
        finally:
            server.terminate()
            server.wait()
    if given.json:
        print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
