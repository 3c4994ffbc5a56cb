"""Whether trying again can help: what an error's code says of it, and what its class says."""

import grpc
import pytest
from runtime.errors import TRANSIENT_CODES, ServiceError


class FileGoneError(ServiceError):
    code = grpc.StatusCode.NOT_FOUND
    permanent = False


@pytest.mark.parametrize("code", grpc.StatusCode)
def test_an_error_is_permanent_unless_its_code_is_transient(code: grpc.StatusCode) -> None:
    error = type("AnyError", (ServiceError,), {"code": code})
    assert error.permanent == (code not in TRANSIENT_CODES)


def test_a_class_that_says_itself_whether_it_is_permanent_wins_over_its_code() -> None:
    too_large = {"code": grpc.StatusCode.RESOURCE_EXHAUSTED, "permanent": True}
    assert type("TooLargeError", (ServiceError,), too_large).permanent
    assert not FileGoneError.permanent


def test_a_class_without_a_code_of_its_own_is_as_permanent_as_the_class_above_it() -> None:
    assert not type("ShareGoneError", (FileGoneError,), {}).permanent
    assert not type("AnyServiceError", (ServiceError,), {"domain": "reclass.test"}).permanent
