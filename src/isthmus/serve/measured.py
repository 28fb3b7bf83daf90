"""Metrics of a server in the text format of Prometheus."""

import functools
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Measured:
    """Counts and times of requests; each server has its own registry. waiting: gives the length of its queue."""

    def __init__(self, waiting: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        own: Any = {"registry": self.registry}
        requests = Counter("isthmus_requests", "Requests, by endpoint and status.", ("endpoint", "status"), **own)
        seconds = Histogram(
            "isthmus_request_seconds", "Time from a request to its answer.", ("endpoint",), buckets=SECONDS, **own
        )
        rows = Counter("isthmus_rows", "Samples that were sent, by endpoint.", ("endpoint",), **own)
        # found once: the client of Prometheus looks for them under a lock
        self.requests = functools.cache(requests.labels)
        self.seconds = functools.cache(seconds.labels)
        self.rows = functools.cache(rows.labels)
        self.batches = Histogram("isthmus_batch_rows", "Samples in a batch.", buckets=ROWS, **own)
        self.running = Gauge("isthmus_requests_running", "Requests that are being answered.", **own)
        Gauge("isthmus_requests_waiting", "Requests in the queue.", **own).set_function(waiting)
        ProcessCollector(registry=self.registry)

    def batch(self, requests: int, rows: int) -> None:
        """Note a batch."""
        self.batches.observe(rows)

    def text(self) -> bytes:
        """All metrics."""
        return generate_latest(self.registry)
