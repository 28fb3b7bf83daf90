"""Batching: what waits goes together, and nothing else."""

import asyncio
import threading

import pytest

from isthmus.serve.batching import Batcher


def together(seen):
    """Answers payloads with themselves, and notes each batch."""

    def answer(payloads):
        seen.append(list(payloads))
        return list(payloads)

    return answer


async def while_busy(batcher, requests):
    """The results of requests that all wait before the first is answered."""
    free = threading.Event()
    busy = asyncio.create_task(batcher.ask(None, 1, "first", lambda _: [free.wait()]))
    await asyncio.sleep(0)
    asked = [asyncio.create_task(batcher.ask(*request)) for request in requests]
    await asyncio.sleep(0)
    free.set()
    await busy
    return await asyncio.gather(*asked, return_exceptions=True)


def asked(requests, most=100):
    async def ask():
        batcher = Batcher(most)
        try:
            return await while_busy(batcher, requests)
        finally:
            await batcher.close()

    return asyncio.run(ask())


def test_requests_that_wait_go_together_and_each_gets_its_own_result():
    seen = []
    assert asked([("a", 1, number, together(seen)) for number in range(5)]) == [0, 1, 2, 3, 4]
    assert seen == [[0, 1, 2, 3, 4]]


def test_requests_of_another_key_or_without_one_stay_apart_in_their_order():
    seen = []
    answer = together(seen)
    asked([("a", 1, 0, answer), ("b", 1, 1, answer), ("a", 1, 2, answer), (None, 1, 3, answer), (None, 1, 4, answer)])
    assert seen == [[0, 2], [1], [3], [4]]


def test_a_batch_has_no_more_rows_than_allowed_unless_one_request_has():
    seen = []
    asked([("a", rows, rows, together(seen)) for rows in (3, 2, 9, 1)], most=5)
    assert seen == [[3, 2], [9], [1]]


def test_an_error_of_one_result_is_that_requests_alone():
    wrong = ValueError("wrong")
    found = asked([("a", 1, payload, lambda payloads: payloads) for payload in (1, wrong, 2)])
    assert found == [1, wrong, 2]


def test_an_unforeseen_error_ends_no_other_batch():
    def fails(payloads):
        raise RuntimeError("broken")

    found = asked([("a", 1, 0, fails), ("b", 1, 1, together([]))])
    assert isinstance(found[0], RuntimeError)
    assert found[1] == 1


def test_a_request_whose_client_is_gone_is_not_answered():
    seen = []

    async def ask():
        batcher, free = Batcher(10), threading.Event()
        busy = asyncio.create_task(batcher.ask(None, 1, "first", lambda _: [free.wait()]))
        await asyncio.sleep(0)
        gone = asyncio.create_task(batcher.ask("a", 1, "gone", together(seen)))
        stays = asyncio.create_task(batcher.ask("a", 1, "stays", together(seen)))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        free.set()
        await asyncio.gather(busy, stays)
        await batcher.close()

    asyncio.run(ask())
    assert seen == [["stays"]]
