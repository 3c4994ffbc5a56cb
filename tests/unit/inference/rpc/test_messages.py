"""Messages of the contract become values, or are refused with a sentence."""

from collections.abc import Mapping

import numpy as np
import pytest
from inference.classify.stages import HEAD_DEVICE
from inference.classify.voting_rule import Outcome
from inference.errors import InvalidRequestError, VectorInvalidError
from inference.rpc.messages import (
    OUTCOMES,
    genres_from,
    rule_from,
    training_options_from,
    values_of,
    vector_from,
    vector_to,
    vectors_from,
)
from inference.settings import TEMPLATES_IN_CLONE
from reclass.features.v1 import features_pb2
from reclass.inference.v1 import inference_pb2
from wire import packed


def message(
    length: int = 518, kind: int = 1, version: str = "1", at: Mapping[int, float] | None = None
) -> features_pb2.Vector:
    """A vector, with other values where `at` says."""
    values = [(at or {}).get(index, 0.5) for index in range(length)]
    return features_pb2.Vector(kind=kind, version=version, values=packed(values))


def test_a_vector_survives_the_way_there_and_back() -> None:
    assert vector_to(vector_from(message())) == message()


@pytest.mark.parametrize("length", [0, 1, 31, 518, 4097])
def test_values_are_read_from_the_wire_as_they_were_written(length: int) -> None:
    values = np.random.default_rng(length).normal(size=length).astype(np.float32)
    read = values_of(packed(values))
    assert read.dtype == np.float32
    assert np.array_equal(read, values)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (message(length=517), "has 517 values, it must have 518"),
        (message(kind=4, length=519), "FMA_NATIVE vector has 519 values, it must have 518"),
        (message(kind=2, length=0), "MERT vector has 0 values, it must have 1 to 8192"),
        (message(kind=1000, length=8193), "KIND1000 vector has 8193 values, it must have 1 to 8192"),
        (message(version=""), "names no version"),
        (message(version="v" * 1001), "has 1001 characters, at most 1000"),
        (message(version="v" * 20_000_000), "has 20000000 characters, at most 1000"),
        (message(version="fma\0"), "holds a NUL"),
        (message(version="fma\n"), "cannot be printed"),
        (message(at={7: float("nan")}), r"value 7 of the FMA vector .* nan, not finite"),
        (message(at={517: float("inf")}), r"value 517 of the FMA vector .* inf, not finite"),
        (message(kind=4, at={3: float("-inf")}), r"value 3 of the FMA_NATIVE vector .* -inf, not finite"),
        (
            message(kind=2, length=768, at={5: 3e38}),
            r"value 5 of the MERT vector .* 3e\+38, larger than any sound",
        ),
        (
            message(kind=3, length=768, at={0: -3e38, 9: 3e38}),
            r"value 0 of the JMLA vector .* -3e\+38, larger",
        ),
        (
            features_pb2.Vector(kind=1, version="1", values=bytes(4 * 518 + 3)),
            "has 2075 bytes; values are float32",
        ),
        (message(kind=0), "of kind 0, and the numbers of kinds begin with 1"),
        (message(kind=-9), "of kind -9, and the numbers of kinds begin with 1"),
    ],
)
def test_a_vector_that_no_head_could_take_is_refused(wrong: features_pb2.Vector, said: str) -> None:
    with pytest.raises(VectorInvalidError, match=said):
        vector_from(wrong)


@pytest.mark.parametrize("second", [message(at={0: 0.25}), message(version="2")])
def test_two_vectors_of_one_kind_that_differ_are_refused(second: features_pb2.Vector) -> None:
    with pytest.raises(VectorInvalidError, match=r"two FMA vectors, .* which differ: send one of each kind"):
        vectors_from([message(), message(kind=3, length=768), second])


def test_a_vector_that_is_repeated_unchanged_counts_once() -> None:
    assert len(vectors_from([message(), message(kind=2, length=768), message()])) == 2


def test_every_outcome_has_its_message() -> None:
    assert set(OUTCOMES) == set(Outcome)


def test_options_left_out_take_their_defaults() -> None:
    rule = rule_from(inference_pb2.ClassifyOptions())
    assert (rule.top_k, rule.max_stages, tuple(rule.thresholds)) == (5, None, ())
    training = training_options_from(inference_pb2.TrainOptions())
    assert (training.folds, training.min_songs_per_genre) == (5, 5)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (inference_pb2.ClassifyOptions(top_k=-1), "top_k must not be negative"),
        (inference_pb2.ClassifyOptions(max_stages=-1), "max_stages"),
        (inference_pb2.ClassifyOptions(stage_thresholds=[0.8, 1.2]), "threshold is 1.2"),
        (inference_pb2.ClassifyOptions(stage_thresholds=[float("nan")]), "threshold is nan"),
    ],
)
def test_nonsense_in_the_options_of_a_vote_is_refused(
    options: inference_pb2.ClassifyOptions, said: str
) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        rule_from(options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (inference_pb2.TrainOptions(folds=1), "folds is 1"),
        (inference_pb2.TrainOptions(folds=50), "folds is 50"),
        (inference_pb2.TrainOptions(min_songs_per_genre=1), "min_songs_per_genre is 1"),
        (inference_pb2.TrainOptions(seed=-1), "seed is -1"),
    ],
)
def test_nonsense_in_the_options_of_a_training_is_refused(
    options: inference_pb2.TrainOptions, said: str
) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        training_options_from(options)


def test_the_device_that_a_status_names_is_that_of_the_heads_configuration() -> None:
    config = (TEMPLATES_IN_CLONE / "genre_head" / "config.pbtxt").read_text()
    assert f"kind: KIND_{HEAD_DEVICE.upper()} " in config


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"song_id": "", "genre": "Jazz"}, "song_id and genre"),
        ({"song_id": "1", "genre": ""}, "song_id and genre"),
        ({"song_id": "1", "genre": "Jazz", "additional_genres": [""]}, "may be empty"),
        ({"song_id": "1" * 1001, "genre": "Jazz"}, "song_id has 1001 characters"),
        ({"song_id": "1", "genre": "a\0b"}, "no NUL"),
        ({"song_id": "1", "genre": "Jazz", "additional_genres": ["a" * 101]}, "at most 100 characters"),
    ],
)
def test_a_label_that_nobody_could_keep_is_refused(fields: Mapping[str, object], said: str) -> None:
    """The portal shows and stores the genres of every model: one with a NUL would end that for all of them."""
    with pytest.raises(InvalidRequestError, match=said):
        genres_from(inference_pb2.TrainingSong(**fields))


def test_the_genres_of_a_label_come_once_in_their_order() -> None:
    song = inference_pb2.TrainingSong(
        song_id="1", genre="K\u00a0Pop", additional_genres=["Jazz", "K\u00a0Pop"]
    )
    assert genres_from(song) == ["K\u00a0Pop", "Jazz"]
