"""What a launcher says of a process."""

import pytest

from isthmus.launch import ALONE, Launch, launched

TORCHRUN = {"RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "here", "MASTER_PORT": "1"}


def test_without_a_launcher_a_process_is_alone():
    assert launched({"RANK": "1"}) == ALONE
    assert ALONE.chief


def test_torchrun_says_which_process_it_is_and_how_often_it_was_started():
    assert launched(TORCHRUN) == Launch(rank=3, size=4, local=1)
    again = launched(TORCHRUN | {"TORCHELASTIC_RESTART_COUNT": "2"})
    assert again.restarts == 2
    assert not again.chief


@pytest.mark.parametrize("changed", [{"RANK": "first"}, {"WORLD_SIZE": "1"}])
def test_what_makes_no_sense_or_is_a_single_process_is_alone(changed):
    assert launched(TORCHRUN | changed) == ALONE
