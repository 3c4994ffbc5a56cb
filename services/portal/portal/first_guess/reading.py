"""What there is of first guesses: how many songs of each genre, and which genres cannot be guessed."""

from collections.abc import Collection
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q

from portal.first_guess.known_tags import tag_source
from portal.first_guess.models import TagVote
from portal.genres.models import Genre
from portal.library.annotations import GUESS_STANDS, with_prediction
from portal.library.models import Track
from portal.library.presence import present
from portal.registry.serving import serving_versions

WORTH = (
    "A first guess is made from the tags of a song’s sound, with nothing learned from your songs. It is good for "
    "looking round and for finding songs to teach a genre with, is often wrong, and is never written to Plex by "
    "itself. It ends with the first trained model."
)


@dataclass(frozen=True, kw_only=True)
class GuessedGenre:
    """A genre as songs are guessed to be of it."""

    pk: int
    name: str
    songs: int


@dataclass(frozen=True, kw_only=True)
class FirstGuesses:
    """The guesses that are shown: of songs that neither a person nor a model has decided."""

    genres: tuple[GuessedGenre, ...]
    """The most frequent first."""
    cannot_be_guessed: tuple[str, ...]
    """Genres in use that no tag speaks for."""

    @property
    def songs(self) -> int:
        """All songs with a guess."""
        return sum(each.songs for each in self.genres)

    @property
    def by_genre(self) -> dict[str, int]:
        """Songs by the name of the genre."""
        return {each.name: each.songs for each in self.genres}


def first_guesses(track_ids: Collection[int] | None = None) -> FirstGuesses:
    """Count them, of these songs or of all; nothing where a trained model is in service."""
    if serving_versions():
        return FirstGuesses(genres=(), cannot_be_guessed=())
    tracks = Track.objects.filter(present())
    if track_ids is not None:
        tracks = tracks.filter(pk__in=track_ids)
    songs = with_prediction(tracks).filter(GUESS_STANDS).order_by()
    rows = songs.values_list("first_guess__genre", "first_guess__genre__name").annotate(songs=Count("pk"))
    found = sorted(rows, key=lambda row: (-row[2], row[1]))
    return FirstGuesses(
        genres=tuple(GuessedGenre(pk=pk, name=name, songs=count) for pk, name, count in found),
        cannot_be_guessed=cannot_be_guessed(),
    )


def cannot_be_guessed() -> tuple[str, ...]:
    """The genres in use that no tag speaks for, or only one that the embedding in use does not give."""
    source = tag_source()
    speaks = Q(tag__in=source.tags) if source else Q()
    votes = TagVote.objects.filter(speaks, genre=OuterRef("pk"))
    return tuple(Genre.objects.filter(~Exists(votes), retired=False).values_list("name", flat=True))
