"""Stored vectors as messages of the contract."""

from array import array

import numpy as np
import pytest
from portal.remote.audio import VectorValues, vector_message
from reclass.features.v1 import features_pb2
from wire import packed


@pytest.mark.parametrize("width", [0, 1, 31, 32, 518, 1024, 5000])
def test_a_vector_is_packed_as_protobuf_itself_does_it(width: int):
    values = np.random.default_rng(1).normal(size=width).astype(np.float32)
    expected = features_pb2.Vector(kind=features_pb2.VECTOR_KIND_MERT, version="v", values=packed(values))
    assert vector_message(VectorValues(kind="mert", version="v", values=array("f", values))) == expected
