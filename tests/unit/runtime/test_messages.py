from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from reclass.inference.v1 import inference_pb2
from runtime.messages import message_of


@dataclass
class Noted:
    genre: str
    songs: int = 3


def test_a_message_has_the_attributes_that_are_called_like_its_fields_and_the_others_beside() -> None:
    message = message_of(inference_pb2.GenreReport, Noted("Folk"), precision=0.5, recall=None)

    assert message == inference_pb2.GenreReport(genre="Folk", songs=3, precision=0.5)


def test_a_field_that_nobody_fills_is_refused_for_it_was_renamed_on_one_side() -> None:
    with pytest.raises(AttributeError, match="precision"):
        message_of(inference_pb2.GenreReport, Noted("Folk"), recall=0.5)


def test_an_instant_keeps_its_microseconds() -> None:
    instant = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)

    message = message_of(inference_pb2.StageStatus, inference_pb2.StageStatus(), train_time=instant)

    assert message.train_time.ToDatetime(UTC) == instant
