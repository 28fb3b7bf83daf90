"""Ahead: each item made in a thread of its own, while the one before it is used."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items in the same order, the next one in work while one is used: two are in memory at a time.

    What goes wrong with an item is raised when it is come to. The thread ends with the items or with an error, or when
    this iterator is closed or let go of, as a loop does that is left; the item in work is waited for.
    """

    def one() -> list[Item]:
        """The next item; none where there are no more."""
        return list(islice(items, 1))

    with ThreadPoolExecutor(1, thread_name_prefix="isthmus-ahead") as worker:
        coming = worker.submit(one)
        while item := coming.result():
            coming = worker.submit(one)
            yield item.pop()  # and not kept here while the next one is waited for
