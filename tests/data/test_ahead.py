"""Items made ahead: the same ones, no more of them than are wanted, and no thread left behind."""

import threading
import time
import weakref

import pytest

from isthmus.data.ahead import ahead


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
        assert used.wait(5)
        made.set()
        yield "second"

    for item in ahead(items()):
        if item == "first":
            used.set()
            assert made.wait(5)


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
