"""First guesses that a person takes as the genre of songs: from then on their word, not a guess."""

from collections import defaultdict
from collections.abc import Collection

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction

from portal.genres.models import Genre
from portal.library.annotations import GUESS_STANDS, with_prediction
from portal.library.models import Track
from portal.verdicts.overrides import set_override

NOTE = "From a first guess."


@transaction.atomic
def take_guesses(track_ids: Collection[int], *, user: User | AnonymousUser | None) -> int:
    """Make the first guess of these songs their genre; how many had one, and were not decided already."""
    songs = with_prediction(Track.objects.filter(pk__in=track_ids)).filter(GUESS_STANDS)
    by_genre = defaultdict(list)
    for genre_id, track_id in songs.order_by("pk").values_list("first_guess__genre", "pk"):
        by_genre[genre_id].append(track_id)
    genres = Genre.objects.in_bulk(by_genre)
    return sum(set_override(ids, genres[pk], note=NOTE, user=user) for pk, ids in by_genre.items())
