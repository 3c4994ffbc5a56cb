"""What a batch is expected to do: how many of its genres are right, and how many right tags it destroys."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from django.db.models import Count, F, FloatField, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from portal.counting import counted
from portal.ledger.kinds import WriteKind
from portal.ledger.models import WriteRow

# Standard deviations of a 90 % interval, as inference has it.
Z = 1.645


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What is expected of the AI's writes of a batch; a person's, and translations, are right by definition."""

    kinds: Mapping[WriteKind, int]
    """Rows by kind, without kinds that have none."""
    writes: int
    """Of the AI."""
    right: float
    """Genres of these that are expected to be right."""
    right_low: float
    right_high: float
    """An interval for that: from what decisions take for granted to the upper end of what may be, and chance."""
    right_tags_destroyed: float
    """Corrections that are expected to put a wrong genre in the place of a right tag."""

    @property
    def counts(self) -> str:
        """How many of each kind."""
        return words_of_kinds(self.kinds)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Both numbers, each in a sentence; nothing where the AI writes nothing."""
        if not self.writes:
            return ()
        corrections = self.kinds.get(WriteKind.CORRECTION, 0)
        destroyed = "No tag is written over, so no right one is destroyed."
        if corrections:
            over = counted(corrections, "correction", verb=("destroys", "destroy"))
            destroyed = f"{over} about {_number(self.right_tags_destroyed)} right tags."
        right, low, high = map(_number, (self.right, self.right_low, self.right_high))
        genres = counted(self.writes, "genre")
        return (
            f"Of {genres} that the AI writes, about {right} are right (probably {low} to {high}).",
            destroyed,
        )

    def as_data(self) -> dict[str, object]:
        """For programs."""
        return {
            "kinds": {kind.value: count for kind, count in self.kinds.items()},
            "writes": self.writes,
            "right": round(self.right, 2),
            "right_low": round(self.right_low, 2),
            "right_high": round(self.right_high, 2),
            "right_tags_destroyed": round(self.right_tags_destroyed, 2),
        }


def stated(rows: QuerySet[WriteRow]) -> Stated:
    """Of these rows."""
    by_ai = Q(confidence_mean__isnull=False)
    mean = F("confidence_mean")
    sums = rows.order_by().aggregate(
        writes=Count("pk", filter=by_ai),
        low=_sum("confidence"),
        mean=_sum("confidence_mean"),
        high=_sum("confidence_high"),
        chance=Coalesce(Sum(mean * (1 - mean), output_field=FloatField()), 0.0),
        destroyed=_sum("tag_probability"),
    )
    found = dict(rows.order_by().values_list("kind").annotate(Count("pk")))
    chance = Z * sqrt(max(sums["chance"], 0.0))
    return Stated(
        kinds={kind: found[kind.value] for kind in WriteKind if kind.value in found},
        writes=sums["writes"],
        right=sums["mean"],
        right_low=max(0.0, min(sums["low"], sums["high"]) - chance),
        right_high=min(float(sums["writes"]), max(sums["low"], sums["high"]) + chance),
        right_tags_destroyed=sums["destroyed"],
    )


def words_of_kinds(counts: Mapping[WriteKind, int]) -> str:
    """How many rows of each kind: "3 fills, 1 correction"."""
    return ", ".join(_words(kind, count) for kind, count in counts.items() if count)


def _sum(field: str) -> Coalesce:
    return Coalesce(Sum(field), 0.0)


def _words(kind: WriteKind, count: int) -> str:
    return f"{count:,} set by a person" if kind is WriteKind.PERSON else counted(count, kind.value)


def _number(value: float) -> str:
    """A whole number, but for few: of half a song one says so."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
