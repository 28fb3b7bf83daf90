"""Reading ahead: the next item is made in a thread while the current one is used; or several items, one per core."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from threading import Lock
from typing import TypeVar

import torch

from isthmus.threads import usable_threads

Item = TypeVar("Item")
Made = TypeVar("Made")

MOST = 8
"""The largest number of workers: more would wait for the disk, and each holds an item in memory."""

_STARTING = Lock()


def ahead(items: Iterator[Item], *, ready: int = 1) -> Generator[Item, None, None]:
    """The same items in the same order, made in a thread: at any time one is used, one is ready, one is being made.

    ready: how many are ready while one is used; with 0, the next one is made meanwhile and waits, so that there are
    at most two items in memory.

    An error in an item is raised when you reach that item. The thread ends after the last item, after an error, or when
    this iterator is closed or deleted, for example when you leave a loop; it finishes its current item first.
    """

    def one() -> list[Item]:
        """The next item; none where there are no more."""
        return list(islice(items, 1))

    worker = _pool(1, threads=1)
    # with one that is ready, the worker goes on after each without waiting for its user
    coming = deque(worker.submit(one) for _ in range(ready + 1))
    try:
        while item := coming.popleft().result():
            coming.append(worker.submit(one))
            yield item.pop()  # and not kept here while the next one is waited for
    finally:
        worker.shutdown(cancel_futures=True)


def side_by_side(
    items: Iterable[Item], use: Callable[[Item], Made], workers: int | None = None
) -> Generator[tuple[Item, Made], None, None]:
    """Each item with the result of `use` on it, in order; several results are computed at the same time.

    Each worker has its own share of PyTorch's threads, so that workers don't wait for each other. An error in `use` is
    raised when you reach its item, an error in `items` at once; either ends the threads.

    workers: the number of items in work at a time; None uses PyTorch's number of threads, at most 8.
    """
    threads = usable_threads()
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
    """Workers with this number of PyTorch threads each; other threads keep their setting."""

    def start() -> None:
        # what a thread sets for itself is also what those begin with that are yet to come: a new one puts that right
        with _STARTING, ThreadPoolExecutor(1) as new:
            usual = new.submit(torch.get_num_threads).result()
            torch.get_num_threads()  # the first time that a thread is asked, it takes what is usual
            torch.set_num_threads(threads)
            new.submit(torch.set_num_threads, usual).result()

    return ThreadPoolExecutor(workers, "isthmus-ahead", start)
