"""Messages of the contracts as dictionaries, for files and for programs that read JSON."""

from datetime import UTC
from typing import Any

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp


def to_dict(message: Message) -> dict[str, Any]:
    """All fields, also those that say nothing: protobuf's own JSON writes 64-bit numbers as strings."""
    return {field.name: _json_field(message, field) for field in message.DESCRIPTOR.fields}


def _json_field(message: Message, field: Any) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated:
        return [_json_value(each, field) for each in value]
    if field.message_type and not message.HasField(field.name):
        return None
    return _json_value(value, field)


def _json_value(value: Any, field: Any) -> Any:
    if isinstance(value, Timestamp):
        return value.ToDatetime(tzinfo=UTC).isoformat()
    if isinstance(value, Message):
        return to_dict(value)
    return field.enum_type.values_by_number[value].name if field.enum_type else value
