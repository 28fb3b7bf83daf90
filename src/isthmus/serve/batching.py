"""Batching: requests that wait at the same time go through the model together, in one thread."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

Together = Callable[[Sequence[Any]], Sequence[Any]]
"""Answers the payloads of several requests at once: for each one its result, or the error that it gets."""


@dataclass(eq=False)
class _Job:
    """A request that waits. key: only equal ones are answered together; None for a request that stays alone."""

    key: Hashable
    rows: int
    payload: Any
    together: Together
    done: asyncio.Future[Any]


class Batcher:
    """Answers requests in one thread, as many at once as are waiting when it becomes free.

    There is no fixed delay: a single request is answered at once, and those that arrive meanwhile come together.
    Requests are taken in order; those that can go with the first one go with it.

    most: rows of a batch. observe: called with the requests and the rows of each batch.
    """

    def __init__(self, most: int, observe: Callable[[int, int], object] = lambda requests, rows: None) -> None:
        self._most, self._observe = most, observe
        self._waiting: deque[_Job] = deque()
        self._thread = ThreadPoolExecutor(1, "isthmus-serve")
        self._worker: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return len(self._waiting)

    async def ask(self, key: Hashable, rows: int, payload: Any, together: Together) -> Any:
        """The result of one request; a request whose task is cancelled leaves the queue."""
        job = _Job(key, rows, payload, together, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        return await job.done

    async def call(self, function: Callable[..., Any], *given: Any) -> Any:
        """What a function returns in the same thread, between two batches."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, function, *given)

    async def close(self) -> None:
        """Finish what is running, and end the thread."""
        if self._worker is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker
        self._thread.shutdown(wait=False)

    async def _work(self) -> None:
        """Answer batches until nobody waits."""
        while batch := self._take():
            self._observe(len(batch), sum(job.rows for job in batch))
            try:
                results = await self.call(batch[0].together, [job.payload for job in batch])
            except Exception as error:
                results = [error] * len(batch)
            for job, result in zip(batch, results, strict=True):
                if job.done.done():  # its client is gone
                    continue
                if isinstance(result, Exception):
                    job.done.set_exception(result)
                else:
                    job.done.set_result(result)

    def _take(self) -> list[_Job]:
        """The first request that waits, and the others that can go with it."""
        batch: list[_Job] = []
        left: deque[_Job] = deque()
        rows = 0
        while self._waiting:
            job = self._waiting.popleft()
            if job.done.done():
                continue
            fits = not batch or (job.key is not None and job.key == batch[0].key and rows + job.rows <= self._most)
            if fits:
                batch.append(job)
                rows += job.rows
            else:
                left.append(job)
        self._waiting = left
        return batch
