"""Ahead: each item made in a thread of its own, while the one before it is used."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items in the same order, made while others are used: one used, one ready, one in work at a time.

    What goes wrong with an item is raised when it is come to. The thread ends with the items or with an error, or when
    this iterator is closed or let go of, as a loop does that is left; the item in work is waited for.
    """

    def one() -> list[Item]:
        """The next item; none where there are no more."""
        return list(islice(items, 1))

    worker = ThreadPoolExecutor(1, thread_name_prefix="isthmus-ahead")
    coming = deque(worker.submit(one) for _ in range(2))  # so that after each the worker goes on without being told to
    try:
        while item := coming.popleft().result():
            coming.append(worker.submit(one))
            yield item.pop()  # and not kept here while the next one is waited for
    finally:
        worker.shutdown(cancel_futures=True)
