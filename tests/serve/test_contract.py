"""The server keeps to its own OpenAPI page, whatever it is sent."""

import pytest
import schemathesis
from hypothesis import HealthCheck, settings

from isthmus.serve import serving


@pytest.fixture(scope="module")
def contract(run):
    with serving(run) as address:
        yield schemathesis.openapi.from_url(f"{address}/openapi.json")


schema = schemathesis.pytest.from_fixture("contract")


@schema.parametrize()
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_answer_is_one_that_the_page_describes(case):
    case.call_and_validate()
