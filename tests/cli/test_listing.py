"""The list of commands agrees with the commands, and loads none of them."""

import inspect

import pytest

from isthmus.cli import listing


@pytest.mark.parametrize("row", listing.ROWS, ids=lambda row: row.name)
def test_a_row_of_the_list_agrees_with_its_command(row: listing.Row) -> None:
    command = listing.load(row.module)[row.name]
    assert inspect.cleandoc(command.help).split("\n\n")[0].split() == row.summary.split()


def test_every_command_of_a_file_is_in_the_list() -> None:
    offered = {name for module in {row.module for row in listing.ROWS} for name in listing.load(module)}
    assert offered == {row.name for row in listing.ROWS} == set(listing.Commands())
