"""Messages of a contract made of values whose fields have the same names."""

from typing import Any, TypeVar

from google.protobuf.message import Message

Kind = TypeVar("Kind", bound=Message)


def message_of(kind: type[Kind], value: object, **others: Any) -> Kind:
    """A message whose fields are the attributes of `value` by their names, but for the `others`; None leaves one out.

    An instant is a datetime that knows its zone. Raises AttributeError for a field that neither has: what was renamed
    on one side alone would be lost without a word.
    """
    named = (name for name in kind.DESCRIPTOR.fields_by_name if name not in others)
    return kind(**{name: getattr(value, name) for name in named}, **others)
