"""Kinds of vectors are numbers outside and text inside, those that nobody has named too."""

import pytest
from inference.classify.stages import FMA, FMA_NATIVE
from inference.errors import InvalidRequestError, ModelBrokenError, VectorInvalidError
from inference.rpc.kinds import LISTED_EMBEDDINGS, embeddings_from, kind_from, kind_to
from inference.rpc.messages import training_options_from
from inference.training.options import MOST_EMBEDDINGS
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2

NAMED = [number for number in features_pb2.VectorKind.values() if number]


@pytest.mark.parametrize("number", [*NAMED, 999, 1000, 2**31 - 1])
def test_every_number_has_a_name_and_comes_back(number: int) -> None:
    name = kind_from(number)
    assert name == name.upper()
    assert kind_to(name) == number


def test_the_contract_gives_the_names() -> None:
    assert (kind_from(1), kind_from(4), kind_from(1000)) == (FMA, FMA_NATIVE, "KIND1000")


@pytest.mark.parametrize("number", [0, -1])
def test_a_number_that_can_be_none_is_refused(number: int) -> None:
    with pytest.raises(VectorInvalidError, match=f"of kind {number}"):
        kind_from(number)


def test_the_name_that_a_later_version_gave_to_a_kind_is_refused_with_what_to_do() -> None:
    with pytest.raises(ModelBrokenError, match=r"LATER vectors.* train again"):
        kind_to("LATER")


def test_where_nobody_says_otherwise_embeddings_come_as_the_contract_lists_them() -> None:
    assert LISTED_EMBEDDINGS == ("MUSICNN", "MERT", "JMLA")
    options = training_options_from(inference_pb2.TrainOptions())
    assert (options.embeddings, options.others_too) == (LISTED_EMBEDDINGS, True)


def test_an_order_that_is_given_is_all_that_is_added() -> None:
    options = training_options_from(inference_pb2.TrainOptions(embeddings=[1000, 2]))
    assert (options.embeddings, options.others_too) == (("KIND1000", "MERT"), False)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([5, 2, 5], "names MUSICNN more than once"),
        ([1], "names FMA, which the first stage has"),
        ([2, 4], "names FMA_NATIVE, which the first stage has"),
        ([0], "begin with 1"),
        (range(1000, 1001 + MOST_EMBEDDINGS), "at most 6"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(numbers: list[int], said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        training_options_from(inference_pb2.TrainOptions(embeddings=numbers))
    assert embeddings_from(list(range(1000, 1000 + MOST_EMBEDDINGS)))
