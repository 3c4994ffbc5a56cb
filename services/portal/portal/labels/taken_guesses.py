"""First guesses that a person takes as the genre of songs: from then on their word, not a guess; and takes back."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction
from django.db.models import Count, F, Q, QuerySet

from portal.genres.models import Genre
from portal.library.annotations import GUESS_STANDS, with_prediction
from portal.library.models import Track
from portal.verdicts.models import Override
from portal.verdicts.overrides import set_override

NOTE = "From a first guess."
_TAGGED = Q(tag_genre__isnull=False)
_TAGS_SAY_SO = Q(tag_genre=F("first_guess__genre")) | Q(
    additional_tag_genres__contains=[F("first_guess__genre")]
)


@dataclass(frozen=True, kw_only=True)
class TaggedGuesses:
    """Songs with a guess to take whose tags name a genre already."""

    songs: int
    otherwise: int
    """Of these, songs of which no tag names the genre that is guessed."""


def guesses_to_take(track_ids: Collection[int], *, tagged: bool) -> QuerySet[Any]:
    """Those of the songs that have a guess and were not decided; `tagged`: also where a tag names a genre."""
    songs = with_prediction(Track.objects.filter(pk__in=track_ids)).filter(GUESS_STANDS)
    return (songs if tagged else songs.exclude(_TAGGED)).select_related("first_guess__genre").order_by("pk")


def tagged_guesses(track_ids: Collection[int]) -> TaggedGuesses:
    """Count those of the songs that are taken only where a person wants it so."""
    songs = guesses_to_take(track_ids, tagged=True).filter(_TAGGED).order_by()
    return TaggedGuesses(**songs.aggregate(songs=Count("pk"), otherwise=Count("pk", filter=~_TAGS_SAY_SO)))


@transaction.atomic
def take_guesses(track_ids: Collection[int], *, tagged: bool, user: User | AnonymousUser | None) -> int:
    """Make the first guess of these songs their genre; how many had one that was to be taken."""
    songs = guesses_to_take(track_ids, tagged=tagged)
    by_genre = defaultdict(list)
    for genre_id, track_id in songs.values_list("first_guess__genre", "pk"):
        by_genre[genre_id].append(track_id)
    genres = Genre.objects.in_bulk(by_genre)
    return sum(
        set_override(ids, genres[pk], note=NOTE, user=user, from_first_guess=True)
        for pk, ids in by_genre.items()
    )


def take_back_guesses(track_ids: Collection[int]) -> int:
    """Clear the overrides of these songs that a guess was taken for; how many. What was said by hand since stays."""
    taken = Override.objects.filter(track__in=track_ids, from_first_guess=True, track__judgement=None)
    return taken.delete()[0]
