"""Extras: what is said of a package that isn't there."""

import math

import pytest

from isthmus.extras import MissingPackageError, needs


def test_a_package_that_is_there_is_imported():
    assert needs("math", "text", "Counting") is math


def test_a_missing_one_is_named_with_the_command_that_installs_it():
    with pytest.raises(MissingPackageError) as error:
        needs("no_such_package.part", "music", "Reading notes")
    assert str(error.value) == (
        "Reading notes needs no_such_package, which is not installed here. Install it: pip install 'isthmus[music]'."
    )
