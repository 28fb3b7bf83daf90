"""The server keeps to its own OpenAPI page, whatever it is sent."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from isthmus.serve import serving

from .conftest import PATIENT

OPERATIONS = {
    "/v1/encode": "POST",
    "/v1/reconstruct": "POST",
    "/v1/detect": "POST",
    "/v1/restore": "POST",
    "/v1/sample": "POST",
    "/v1/info": "GET",
    "/health": "GET",
    "/ready": "GET",
    "/metrics": "GET",
}


@pytest.fixture(scope="module")
def contract(run):
    with serving(run, limits=PATIENT) as address:
        yield schemathesis.openapi.from_url(f"{address}/openapi.json")


def test_every_operation_of_the_page_is_tried(contract):
    assert {path: next(iter(methods)).upper() for path, methods in contract.raw_schema["paths"].items()} == OPERATIONS


@pytest.mark.parametrize("mode", list(GenerationMode), ids=str)
@pytest.mark.parametrize(("path", "method"), OPERATIONS.items())
def test_every_answer_is_one_that_the_page_describes(contract, path, method, mode):
    operation = contract[path][method]
    if mode is GenerationMode.NEGATIVE and method == "GET":
        return  # there is nothing that could be wrong

    @settings(
        max_examples=8,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def keeps(case):
        case.call_and_validate()

    keeps()
