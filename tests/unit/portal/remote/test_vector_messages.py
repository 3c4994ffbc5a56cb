"""Stored vectors as messages of the contract."""

from array import array

import numpy as np
import pytest
from portal.remote.audio import VectorValues, kind_name, kind_number, vector_message
from reclass.features.v1 import features_pb2
from wire import packed


@pytest.mark.parametrize("width", [0, 1, 31, 32, 518, 1024, 5000])
def test_a_vector_is_packed_as_protobuf_itself_does_it(width: int):
    values = np.random.default_rng(1).normal(size=width).astype(np.float32)
    expected = features_pb2.Vector(kind=features_pb2.VECTOR_KIND_MERT, version="v", values=packed(values))
    assert vector_message(VectorValues(kind="mert", version="v", values=array("f", values))) == expected


@pytest.mark.parametrize("number", [*features_pb2.VectorKind.values()[1:], 6, 1000, 2**31 - 1])
def test_every_number_of_a_kind_has_a_name_and_comes_back(number: int):
    assert kind_number(kind_name(number)) == number


def test_kinds_are_named_as_the_contract_names_them():
    assert [kind_name(number) for number in (1, 4, 5, 1000)] == ["fma", "fma-native", "musicnn", "kind1000"]


@pytest.mark.parametrize(
    "name", ["", "kind", "kind0", "kind1", "kind01000", "kind-3", "FMA", "unspecified", "mmert"]
)
def test_what_is_no_kind_is_refused(name: str):
    with pytest.raises(ValueError, match="is no kind of vector"):
        kind_number(name)
