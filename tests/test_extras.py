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


def test_the_message_has_the_packages_own_name_and_another_way():
    with pytest.raises(MissingPackageError) as error:
        needs("no_such_module", "map", "way=umap", package="no-such-package", instead="use way=tsne")
    assert str(error.value) == (
        "way=umap needs no-such-package, which is not installed here. Install it: pip install 'isthmus[map]', "
        "or use way=tsne."
    )
