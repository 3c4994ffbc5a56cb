"""Reads the details that a status carries (google.rpc.Status and ErrorInfo) without the package that brings them.

The two messages are described here field by field, under names of our own: an environment may hold Google's as well.
"""

from typing import Any, NamedTuple

from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "reclass_client.rich_status"
ERROR_INFO = "google.rpc.ErrorInfo"
Field = descriptor_pb2.FieldDescriptorProto


class Info(NamedTuple):
    """What a program may tell cases apart by."""

    reason: str
    domain: str
    metadata: dict[str, str]


def error_info(details: bytes) -> Info | None:
    """The ErrorInfo in a status, if there is one; raises DecodeError for bytes that are no status."""
    status = STATUS.FromString(details)
    for detail in status.details:
        if detail.type_url.endswith(f"/{ERROR_INFO}"):
            info = INFO.FromString(detail.value)
            return Info(info.reason, info.domain, {pair.key: pair.value for pair in info.metadata})
    return None


def _described() -> tuple[Any, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="reclass_client/rich_status.proto",
        package=PACKAGE,
        syntax="proto3",
        dependency=[any_pb2.DESCRIPTOR.name],
    )
    pair = file.message_type.add(name="Pair")
    _add(pair, 1, "key", Field.TYPE_STRING)
    _add(pair, 2, "value", Field.TYPE_STRING)
    info = file.message_type.add(name="ErrorInfo")
    _add(info, 1, "reason", Field.TYPE_STRING)
    _add(info, 2, "domain", Field.TYPE_STRING)
    # On the wire a map is a list of pairs.
    _add(info, 3, "metadata", Field.TYPE_MESSAGE, f".{PACKAGE}.Pair")
    status = file.message_type.add(name="Status")
    _add(status, 1, "code", Field.TYPE_INT32)
    _add(status, 2, "message", Field.TYPE_STRING)
    _add(status, 3, "details", Field.TYPE_MESSAGE, ".google.protobuf.Any")
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    find = pool.FindMessageTypeByName
    return tuple(
        message_factory.GetMessageClass(find(f"{PACKAGE}.{name}")) for name in ("Status", "ErrorInfo")
    )  # type: ignore[return-value] # two of them


def _add(
    message: descriptor_pb2.DescriptorProto,
    number: int,
    name: str,
    kind: "Field.Type.ValueType",
    type_name: str | None = None,
) -> None:
    label = Field.LABEL_REPEATED if type_name else Field.LABEL_OPTIONAL
    message.field.add(name=name, number=number, type=kind, label=label, type_name=type_name)


STATUS, INFO = _described()
