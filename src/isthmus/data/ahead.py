"""Ahead: each item made in a thread of its own, while the one before it is used; or several, each on a core."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Lock
from typing import TypeVar

import torch

Item = TypeVar("Item")
Made = TypeVar("Made")

MOST = 8
"""Workers at most: more would wait for whoever reads and writes, and each holds an item in memory."""

_STARTING = Lock()


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items in the same order, made while others are used: one used, one ready, one in work at a time.

    What goes wrong with an item is raised when it is come to. The thread ends with the items or with an error, or when
    this iterator is closed or let go of, as a loop does that is left; the item in work is waited for.
    """

    def one() -> list[Item]:
        """The next item; none where there are no more."""
        return list(islice(items, 1))

    worker = _pool(1, threads=1)
    coming = deque(worker.submit(one) for _ in range(2))  # so that after each the worker goes on without being told to
    try:
        while item := coming.popleft().result():
            coming.append(worker.submit(one))
            yield item.pop()  # and not kept here while the next one is waited for
    finally:
        worker.shutdown(cancel_futures=True)


def side_by_side(
    items: Iterable[Item], use: Callable[[Item], Made], workers: int | None = None
) -> Generator[tuple[Item, Made], None, None]:
    """Each item with what `use` makes of it, in their order; several are made at a time, while one before is used.

    Each worker has its share of PyTorch's threads to itself, so that none waits for another's half of a product, as
    threads that divide a single product do. What goes wrong in `use` is raised when its item is come to, in `items` at
    once; either ends the threads.

    workers: items in work at a time; as many as PyTorch has threads, 8 at most, where it is None.
    """
    threads = torch.get_num_threads()
    workers = workers or min(threads, MOST)
    pool = _pool(workers, threads=max(1, threads // workers))
    coming: deque[tuple[Item, Future[Made]]] = deque()
    try:
        for item in items:
            coming.append((item, pool.submit(use, item)))
            del item
            if len(coming) > workers:
                yield _next(coming)
        while coming:
            yield _next(coming)
    finally:
        pool.shutdown(cancel_futures=True)


def _next(coming: "deque[tuple[Item, Future[Made]]]") -> tuple[Item, Made]:
    item, made = coming.popleft()
    return item, made.result()


def _pool(workers: int, *, threads: int) -> ThreadPoolExecutor:
    """Workers whose products have so many threads each; those of all others stay as they were."""

    def start() -> None:
        # what a thread sets for itself is also what those begin with that are yet to come: a new one puts that right
        with _STARTING, ThreadPoolExecutor(1) as new:
            usual = new.submit(torch.get_num_threads).result()
            torch.get_num_threads()  # the first time that a thread is asked, it takes what is usual
            torch.set_num_threads(threads)
            new.submit(torch.set_num_threads, usual).result()

    return ThreadPoolExecutor(workers, "isthmus-ahead", start)
