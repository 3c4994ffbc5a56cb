"""What the owner wants of embeddings: which are used, and in which order stages add them. Each change is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.db.models import Q

from portal.library.embeddings import in_order, put_in_order
from portal.library.models import Embedding
from portal.preferences.models import SettingChange
from portal.remote.audio import FMA

ORDER = "order of embeddings"
# Two that cost about the same would change places with every measurement.
WORTH_IT = 0.9


class EmbeddingRefusedError(Exception):
    """Nothing was changed; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """An order that costs less, by what was measured here."""

    kinds: tuple[str, ...]
    """Without FMA."""
    names: tuple[str, ...]
    cheaper: str
    dearer: str
    """The names of two that would change places."""


@transaction.atomic
def switch(kind: str, *, on: bool, user: User | AnonymousUser | None = None) -> SettingChange | None:
    """Use an embedding, or use it no more; None where that is so already. No vector and no verdict goes."""
    in_order()
    row = _of_stages(kind)
    if row.enabled == on:
        return None
    Embedding.objects.filter(pk=row.pk).update(enabled=on)
    return _kept(f"embedding {row.kind}", not on, on, user)


@transaction.atomic
def use_order(kinds: Sequence[str], *, user: User | AnonymousUser | None = None) -> SettingChange | None:
    """Let stages add embeddings in this order; those that are not named come after them, as they stand."""
    in_order()
    named = list(dict.fromkeys(_of_stages(kind) for kind in kinds))
    rows = list(Embedding.objects.all())
    first = [row for row in rows if row.kind == FMA]
    others = [row for row in rows if row.kind != FMA and row not in named]
    wanted = [*first, *named, *others]
    if wanted == rows:
        return None
    put_in_order(wanted)
    return _kept(ORDER, [row.kind for row in rows], [row.kind for row in wanted], user)


@transaction.atomic
def move(kind: str, *, up: bool, user: User | AnonymousUser | None = None) -> SettingChange | None:
    """Let an embedding change places with the one before or after it; None where there is none."""
    in_order()
    kinds = [row.kind for row in Embedding.objects.exclude(kind=FMA)]
    place = kinds.index(_of_stages(kind).kind)
    other = place - 1 if up else place + 1
    if not 0 <= other < len(kinds):
        return None
    kinds[place], kinds[other] = kinds[other], kinds[place]
    return use_order(kinds, user=user)


def proposal() -> Proposal | None:
    """A cheaper order of those that were measured here, where one before another costs clearly more; else None."""
    rows = list(Embedding.objects.exclude(kind=FMA))
    measured = [row for row in rows if row.measured_songs and row.available and row.enabled]
    turned = [
        (earlier, later)
        for place, earlier in enumerate(measured)
        for later in measured[place + 1 :]
        if later.measured_seconds < WORTH_IT * earlier.measured_seconds
    ]
    if not turned:
        return None
    by_cost = iter(sorted(measured, key=lambda row: row.measured_seconds))
    order = [next(by_cost) if row in measured else row for row in rows]
    dearer, cheaper = turned[0]
    return Proposal(
        kinds=tuple(row.kind for row in order),
        names=tuple(row.name for row in order),
        cheaper=cheaper.name,
        dearer=dearer.name,
    )


def _of_stages(kind: str) -> Embedding:
    """The row of an embedding that can be switched and moved, by its kind or by its name as it is shown."""
    if kind == FMA:
        raise EmbeddingRefusedError("FMA's values are the first stage: they cannot be switched off or moved.")
    row = Embedding.objects.filter(Q(kind=kind) | Q(name__iexact=kind) | Q(kind__iexact=kind)).first()
    if row is not None and row.kind == FMA:
        return _of_stages(FMA)
    if row is None:
        known = ", ".join(Embedding.objects.exclude(kind=FMA).values_list("kind", flat=True))
        there = f"there are {known}" if known else "features has spoken of none so far"
        raise EmbeddingRefusedError(f"There is no embedding “{kind}”; {there}.")
    return row


def _kept(name: str, before: object, after: object, user: User | AnonymousUser | None) -> SettingChange:
    by = user if isinstance(user, User) else None
    return SettingChange.objects.create(name=name, before=before, after=after, changed_by=by)
