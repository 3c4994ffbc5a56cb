"""Kinds of vectors: the contract's numbers, which are open to more of them, as text."""

from reclass.features.v1 import features_pb2

from reclass_client.errors import BadArgumentError

_PREFIX, _WITHOUT_NAME = "VECTOR_KIND_", "KIND"


def kind_of(number: int) -> str:
    """The contract's name of a kind, for example "FMA", or "KIND1000" for a number without one."""
    found = features_pb2.VectorKind.DESCRIPTOR.values_by_number.get(number)
    return found.name.removeprefix(_PREFIX) if found else f"{_WITHOUT_NAME}{number}"


def kind_to(kind: object) -> features_pb2.VectorKind.ValueType:
    """The number of a kind; raises BadArgumentError."""
    found = features_pb2.VectorKind.DESCRIPTOR.values_by_name.get(f"{_PREFIX}{kind}")
    number = str(found.number) if found else str(kind).removeprefix(_WITHOUT_NAME)
    if not number.isdecimal() or not 0 < int(number) < 2**31 or kind_of(int(number)) != kind:
        names = [value.name.removeprefix(_PREFIX) for value in features_pb2.VectorKind.DESCRIPTOR.values[1:]]
        raise BadArgumentError(
            f'a vector is of kind {kind!r}; there are {", ".join(names)}, and "KIND1000" and the like for a number '
            "without a name"
        )
    return features_pb2.VectorKind.ValueType(int(number))
