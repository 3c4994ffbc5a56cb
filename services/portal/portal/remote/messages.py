"""Messages of the contracts as values: dataclasses for code, dictionaries for files and for programs that read JSON."""

from dataclasses import fields, is_dataclass
from datetime import UTC
from functools import cache
from typing import Any, TypeVar, get_args, get_type_hints

from google.protobuf.descriptor import EnumDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

Value = TypeVar("Value")


def read(message: Message, kind: type[Value]) -> Value:
    """The message as a dataclass whose fields have the names of the contract; what it does not name is left out.

    A message that is absent is None, a list a tuple, an instant a `datetime`, and a value of an enum its name in words.
    """
    hints: dict[str, Any] = _hints(kind)  # type: ignore[arg-type] # a class can be hashed
    named = message.DESCRIPTOR.fields_by_name
    return kind(**{name: _field(message, named[name], hint) for name, hint in hints.items() if name in named})


def to_dict(message: Message) -> dict[str, Any]:
    """All fields, also those that say nothing: protobuf's own JSON writes 64-bit numbers as strings."""
    return {field.name: _json_field(message, field) for field in message.DESCRIPTOR.fields}


def words_of(enum: EnumDescriptor, number: int) -> str:
    """A value of an enum in words: MODEL_STATE_IN_SERVICE is "in service"; a number that nobody knows stays one."""
    value = enum.values_by_number.get(number)
    if value is None:
        return str(number)
    # The zero of an enum bears its name in front, and so do all others.
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return str(value.name).removeprefix(prefix).replace("_", " ").lower()


@cache
def _hints(kind: type) -> dict[str, Any]:
    found = get_type_hints(kind)
    return {each.name: found[each.name] for each in fields(kind)}


def _field(message: Message, field: Any, hint: Any) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated:
        return tuple(_value(each, field, hint) for each in value)
    if field.message_type and not message.HasField(field.name):
        return None
    return _value(value, field, hint)


def _value(value: Any, field: Any, hint: Any) -> Any:
    if isinstance(value, Timestamp):
        return value.ToDatetime(tzinfo=UTC)
    if isinstance(value, Message):
        kind: Any = next(each for each in (hint, *get_args(hint)) if is_dataclass(each))
        return read(value, kind)
    return words_of(field.enum_type, value) if field.enum_type else value


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
