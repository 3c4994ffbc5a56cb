"""The kinds that stages are made of, in their order, as features speaks of them and as the owner wants them."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Protocol

from django.db import connection, transaction
from django.utils import timezone

from portal.library.models import Embedding
from portal.remote.audio import FMA, FMA_NATIVE
from portal.remote.features import Capabilities, Capability

UNKNOWN = "the features service does not know it"
_OFTEN_ENOUGH = timedelta(minutes=1)
_SAID = (
    *(
        "name",
        "available",
        "detail",
        "licence",
        "weights",
        "weights_bytes",
        "length",
        "version",
        "cpu_seconds",
    ),
    *("measured_seconds", "measured_songs", "tags"),
)
# A number of ours for PostgreSQL: one at a time changes the order.
_LOCK = 1_347_896_133


def note_capabilities(capabilities: Capabilities) -> Capabilities:
    """Keep what features says of each kind, and hand it on. What it does not speak of any more is not available."""
    said = {each.kind: each for each in capabilities.kinds if each.kind != FMA_NATIVE}
    rows = list(Embedding.objects.all())
    if said and (_has_changed(rows, said) or timezone.now() - rows[0].seen_time > _OFTEN_ENOUGH):
        _note(said)
    return capabilities


def enabled_kinds() -> tuple[str, ...]:
    """The kinds that the owner wants, in the order of stages, FMA first; also those that cannot be made now."""
    return FMA, *Embedding.objects.filter(enabled=True).exclude(kind=FMA).values_list("kind", flat=True)


def switched_off() -> frozenset[str]:
    """The kinds that the owner does not want."""
    return frozenset(Embedding.objects.filter(enabled=False).exclude(kind=FMA).values_list("kind", flat=True))


def known_kinds() -> tuple[str, ...]:
    """All kinds that features ever spoke of and stages can be made of, in their order."""
    return FMA, *Embedding.objects.exclude(kind=FMA).values_list("kind", flat=True)


class Words(Protocol):
    """What kinds are called together, for example "FMA + MusiCNN"."""

    def __call__(self, kinds: Iterable[str], *, whole_song: bool = False) -> str: ...


def kind_words() -> Words:
    """By the names that features gave, read once; one that it never spoke of has the contract's name."""
    names = dict(Embedding.objects.values_list("kind", "name"))

    def words(kinds: Iterable[str], *, whole_song: bool = False) -> str:
        called = [names.get(kind, kind.upper()) for kind in kinds]
        return " + ".join(
            (*(f"{first}, whole song" if whole_song else first for first in called[:1]), *called[1:])
        )

    return words


def seconds_a_song() -> dict[str, float]:
    """Of each kind: as measured here, else roughly of a processor core; 0 where neither is known."""
    return {
        row.kind: row.measured_seconds if row.measured_songs else row.cpu_seconds
        for row in Embedding.objects.all()
    }


def _has_changed(rows: Iterable[Embedding], said: dict[str, Capability]) -> bool:
    there = {row.kind: row for row in rows}
    if set(said) - set(there):
        return True
    return any(_changes(row, said.get(kind)) for kind, row in there.items())


def _changes(row: Embedding, said: Capability | None) -> dict[str, Any]:
    """What is new of an embedding."""
    if said is None:
        new: dict[str, Any] = {"available": False, "detail": UNKNOWN}
    else:
        new = {name: getattr(said, name) for name in _SAID} | {"tags": [list(tag) for tag in said.tags]}
        if not said.version:  # it was removed: its vectors, and what they are called, stay
            del new["version"]
        same = not said.version or said.version == row.version
        if same and not said.measured_songs:  # the service has started again: what it measured before holds
            del new["measured_seconds"], new["measured_songs"]
    return {name: value for name, value in new.items() if getattr(row, name) != value}


@transaction.atomic
def _note(said: dict[str, Capability]) -> None:
    in_order()
    rows = {row.kind: row for row in Embedding.objects.all()}
    now = timezone.now()
    for kind, row in rows.items():
        changes = _changes(row, said.get(kind))
        if kind in said:
            changes["seen_time"] = now
        Embedding.objects.filter(pk=row.pk).update(**changes)
    new = [each for kind, each in said.items() if kind not in rows]
    for each in sorted(new, key=_cost):
        _add(each)


def in_order() -> None:
    """Nobody else changes the order until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _add(said: Capability) -> None:
    """A new row, before the first that costs more, so that the order that somebody chose stays."""
    rows = list(Embedding.objects.all())
    place = next((number for number, row in enumerate(rows) if _cost(row) > _cost(said)), len(rows))
    row = Embedding(kind=said.kind, position=place, seen_time=timezone.now())
    for name, value in _changes(row, said).items():
        setattr(row, name, value)
    row.save()
    put_in_order([*rows[:place], row, *rows[place:]])


def put_in_order(rows: Sequence[Embedding]) -> None:
    """Number the rows as they stand here."""
    for number, row in enumerate(rows):
        row.position = number
    Embedding.objects.bulk_update(rows, ["position"])


def _cost(each: Capability | Embedding) -> tuple[bool, bool, float]:
    """FMA first, then by seconds of a core; those of unknown cost last."""
    return each.kind != FMA, not each.cpu_seconds, each.cpu_seconds
