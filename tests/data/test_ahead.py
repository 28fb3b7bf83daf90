"""Items made ahead: the same ones, no more of them than are wanted, and no thread left behind."""

import threading
import time
import weakref

import pytest
import torch

from isthmus.data.ahead import ahead, side_by_side


def no_thread_is_left():
    return not [thread for thread in threading.enumerate() if thread.name.startswith("isthmus-ahead")]


def test_same_items_come_in_the_same_order():
    assert list(ahead(iter(range(100)))) == list(range(100))
    assert list(ahead(iter([None, False, 0]))) == [None, False, 0]
    assert list(ahead(iter([]))) == []
    assert no_thread_is_left()


def test_one_item_is_ready_and_the_next_in_work_while_one_is_used_and_no_further_one():
    begun = []

    def items():
        for number in range(9):
            begun.append(number)
            yield number

    for number in ahead(items()):
        time.sleep(0.01)
        assert begun == list(range(min(number + 3, 9)))


def test_items_are_made_beside_their_use():
    """Two that wait for each other come to an end only where both are under way at once."""
    used, made = threading.Event(), threading.Event()

    def items():
        yield "first"
        assert used.wait(60)
        made.set()
        yield "second"

    for item in ahead(items()):
        if item == "first":
            used.set()
            assert made.wait(60)


def test_error_is_raised_where_its_item_is_come_to():
    def items():
        yield 1
        yield 2
        raise ValueError("third")

    seen = []
    with pytest.raises(ValueError, match="third"):
        seen.extend(ahead(items()))
    found = ahead(items())
    assert (next(found), next(found)) == (1, 2)
    with pytest.raises(ValueError, match="third"):
        next(found)
    assert no_thread_is_left()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_use_that_fails_ends_the_threads_of_a_whole_chain_and_closes_what_is_open(error):
    closed = []

    def items():
        try:
            yield from range(100)
        finally:
            closed.append(True)

    def use():
        for number in ahead(2 * number for number in ahead(items())):
            if number == 6:
                raise error

    with pytest.raises(error):
        use()
    assert closed == [True]
    assert no_thread_is_left()


def test_used_item_is_not_kept():
    class Item:
        pass

    made = ahead(Item() for _ in range(3))
    known = weakref.ref(next(made))
    next(made)
    assert known() is None


def threads_of_a_new_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found[0]


@pytest.mark.parametrize("workers", [None, 1, 3])
def test_what_is_made_side_by_side_comes_in_order(workers):
    def squared(number):
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(side_by_side(range(30), squared, workers)) == [(number, number * number) for number in range(30)]
    assert list(side_by_side([], squared, workers)) == []
    assert no_thread_is_left()


def test_workers_are_under_way_at_once_and_no_more_items_are_taken_than_they_need():
    meeting, taken = threading.Barrier(3), []

    def items():
        for number in range(12):
            taken.append(number)
            yield number

    for number, _ in side_by_side(items(), lambda _: meeting.wait(60), workers=3):
        assert len(taken) <= number + 4


def test_each_worker_has_its_share_of_the_threads_and_all_others_have_what_they_had():
    torch.set_num_threads(4)
    shares = [
        {threads for _, threads in side_by_side(range(9), lambda _: torch.get_num_threads(), workers)}
        for workers in (None, 1, 2, 3)
    ]
    assert shares == [{1}, {4}, {2}, {1}]
    assert list(ahead(torch.get_num_threads() for _ in range(2))) == [1, 1]
    assert list(ahead(threads for threads in ahead(threads_of_a_new_thread() for _ in range(3)))) == [4, 4, 4]
    assert torch.get_num_threads() == threads_of_a_new_thread() == 4


@pytest.mark.parametrize("where", ["made", "used", "taken"])
def test_what_goes_wrong_side_by_side_is_raised_at_its_item_and_ends_the_threads(where):
    def items():
        for number in range(100):
            if where == "taken" and number == 20:
                raise ValueError(number)
            yield number

    def make(number):
        if where == "made" and number == 20:
            raise ValueError(number)
        return number

    def use():
        for number, _ in side_by_side(items(), make, 2):
            seen.append(number)
            if where == "used" and number == 19:
                raise ValueError(20)

    seen = []
    with pytest.raises(ValueError, match="20"):
        use()
    assert seen == list(range(len(seen)))
    assert len(seen) == 20 or where == "taken"
    assert no_thread_is_left()
