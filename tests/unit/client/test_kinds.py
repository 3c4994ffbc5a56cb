"""Kinds of vectors are the contract's names, and a number without one comes back as it came."""

import pytest
import reclass_client as rc
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2
from reclass_client.answers import stage_of, vectors_of
from reclass_client.kinds import kind_of, kind_to
from reclass_client.models import figures_of
from reclass_client.songs import vector_to
from wire import packed

NAMES = {
    1: "FMA",
    2: "MERT",
    3: "JMLA",
    4: "FMA_NATIVE",
    5: "MUSICNN",
    1000: "KIND1000",
    2**31 - 1: "KIND2147483647",
}


@pytest.mark.parametrize(("number", "name"), NAMES.items())
def test_a_vector_of_any_kind_comes_and_goes(number: int, name: str) -> None:
    message = features_pb2.Vector(kind=number, version="1", values=packed([0.5, 1.5]))  # type: ignore[arg-type]
    (vector,) = vectors_of([message])
    assert (vector.kind, kind_of(number)) == (name, name)
    assert vector_to(vector) == message


@pytest.mark.parametrize(
    "kind", ["", "fma", "KIND", "KIND0", "KIND2", "KIND-7", "KIND01000", "KIND2147483648", "FFT", 5, None]
)
def test_what_is_no_kind_is_refused_with_those_that_there_are(kind: object) -> None:
    with pytest.raises(rc.BadArgumentError, match=r"MUSICNN.*KIND1000"):
        kind_to(kind)


def test_stages_name_their_kinds_and_what_they_add() -> None:
    assert stage_of(inference_pb2.StageStatus(kinds=[1, 5, 1000])).kinds == ("FMA", "MUSICNN", "KIND1000")  # type: ignore[list-item]
    added = inference_pb2.Added(accuracy=0.25, accuracy_low=0.125, accuracy_high=0.5, songs=40)
    figures = figures_of(inference_pb2.StageReport(kinds=[1, 2], added=added))
    assert figures.kinds == ("FMA", "MERT")
    assert figures.added == rc.Added(accuracy=0.25, accuracy_low=0.125, accuracy_high=0.5, songs=40)
    assert figures_of(inference_pb2.StageReport(kinds=[1])).added is None
