"""Kinds of vectors: numbers in the contract, which is open to more of them; text in the rest of this service."""

from collections.abc import Iterable, Sequence

from reclass.features.v1 import features_pb2

from inference.classify.stages import FMA, FMA_NATIVE, VectorKind
from inference.errors import InvalidRequestError, ModelBrokenError, VectorInvalidError
from inference.training.options import MOST_EMBEDDINGS

PREFIX, UNNAMED = "VECTOR_KIND_", "KIND"
NAMES: dict[int, VectorKind] = {
    value.number: value.name.removeprefix(PREFIX) for value in features_pb2.VectorKind.DESCRIPTOR.values
}
"""In the order in which the contract lists them."""
NUMBERS = {name: number for number, name in NAMES.items()}
LISTED_EMBEDDINGS = tuple(name for number, name in NAMES.items() if number and name not in (FMA, FMA_NATIVE))
"""Those that the contract names, in the order in which stages add them where nobody says otherwise."""


def kind_from(number: int) -> VectorKind:
    """The name of a kind, or "KIND1000" for a number without one; raises VectorInvalidError below 1."""
    if number <= 0:
        raise VectorInvalidError(f"a vector is of kind {number}, and the numbers of kinds begin with 1")
    return NAMES.get(number) or f"{UNNAMED}{number}"


def kind_to(kind: VectorKind) -> features_pb2.VectorKind.ValueType:
    """The number of a kind; raises ModelBrokenError for a name that is none in this version of the contract."""
    number = NUMBERS.get(kind) or kind.removeprefix(UNNAMED)
    try:
        return features_pb2.VectorKind.ValueType(int(number))
    except ValueError as error:
        raise ModelBrokenError(
            f"a model has learned from {kind} vectors, which this version of the service does not know: train again, "
            "or install the version that trained it"
        ) from error


def kinds_to(kinds: Iterable[VectorKind]) -> list[features_pb2.VectorKind.ValueType]:
    """The numbers of kinds."""
    return [kind_to(kind) for kind in kinds]


def embeddings_from(numbers: Sequence[int]) -> tuple[VectorKind, ...]:
    """The embeddings that a training adds, in their order; raises InvalidRequestError for an order that can be none."""
    if any(number <= 0 for number in numbers):
        raise InvalidRequestError(
            "embeddings has a kind that no vector can be of: the numbers of kinds begin with 1"
        )
    kinds = tuple(map(kind_from, numbers))
    repeated = [kind for kind in kinds if kinds.count(kind) > 1]
    if repeated:
        raise InvalidRequestError(f"embeddings names {repeated[0]} more than once: name each kind once")
    first = [kind for kind in kinds if kind in (FMA, FMA_NATIVE)]
    if first:
        raise InvalidRequestError(
            f"embeddings names {first[0]}, which the first stage has anyhow: leave it out, and name those that later "
            "stages add"
        )
    if len(kinds) > MOST_EMBEDDINGS:
        raise InvalidRequestError(
            f"embeddings names {len(kinds)} kinds, and a training adds at most {MOST_EMBEDDINGS}: leave out those that "
            "add least"
        )
    return kinds
