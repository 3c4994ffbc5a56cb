"""The table of errors is complete, and every error survives the way from the process that met it."""

import pickle
import re
from pathlib import Path

import grpc
import pytest
from features import errors

PROTO = Path(__file__).parents[3] / "protos/reclass/features/v1/features.proto"
ERRORS = errors.FeatureError.__subclasses__()


def test_the_reasons_are_those_that_the_contract_names():
    head = PROTO.read_text().split("syntax =")[0]
    promised = set(re.findall(r"\b[A-Z]+_[A-Z_]+\b|\bSILENT\b|\bTRUNCATED\b|\bDAMAGED\b", head))
    assert {error.reason for error in ERRORS} - {"INVALID_REQUEST"} == promised - {"INVALID_REQUEST"}


@pytest.mark.parametrize("error", ERRORS)
def test_each_error_has_a_code_a_reason_of_its_own_and_its_words_after_pickling(error):
    assert isinstance(error.code, grpc.StatusCode)
    assert [other for other in ERRORS if other.reason == error.reason] == [error]
    copy = pickle.loads(pickle.dumps(error("what happened")))  # noqa: S301 - our own bytes
    assert (type(copy), str(copy), copy.domain) == (error, "what happened", "reclass.features")
