"""No module imports a package that it is in: together with the linter's contracts, no loop is possible."""

import grimp
import pytest

GRAPH = grimp.build_graph("isthmus", exclude_type_checking_imports=False, cache_dir=None)


@pytest.mark.parametrize("package", sorted(module for module in GRAPH.modules if GRAPH.find_children(module)))
def test_no_module_imports_the_package_that_it_is_in(package):
    importers = GRAPH.find_modules_that_directly_import(package)
    assert not [module for module in importers if module.startswith(f"{package}.")]
