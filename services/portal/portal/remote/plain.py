"""A message of the contract as JSON has it, with the contract's own names and every number a number."""

from datetime import UTC
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp


def plain(message: Message) -> dict[str, Any]:
    """All fields, also those that say nothing: protobuf's own JSON writes 64-bit numbers as strings."""
    return {field.name: _field(message, field) for field in message.DESCRIPTOR.fields}


def _field(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated:
        return [_value(each, field) for each in value]
    if field.message_type and not message.HasField(field.name):
        return None
    return _value(value, field)


def _value(value: Any, field: Any) -> Any:
    if isinstance(value, Timestamp):
        return value.ToDatetime(tzinfo=UTC).isoformat()
    if isinstance(value, Message):
        return plain(value)
    if field.enum_type:
        return field.enum_type.values_by_number[value].name
    return value
