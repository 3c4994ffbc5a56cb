"""Which songs are written to Plex, and with what: pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from portal.genres.spelling import genre_of
from portal.remote.sync import GenreState


@dataclass(frozen=True, kw_only=True)
class Wish:
    """The genre that a song is to have in Plex."""

    genre_id: int
    genre: str
    source: str
    """ "AI" or "person"."""
    confidence: float | None


@dataclass(frozen=True, kw_only=True)
class Said:
    """What is known of a song's genre when a plan is made."""

    override: tuple[int, str] | None = None
    """A person's genre, by id and name."""
    predicted: tuple[int, str] | None = None
    confidence: float = 0.0
    classified: bool = False
    """False for provisional and unsure verdicts, which are never written."""
    beyond_model: bool = False
    """Its tag names a genre that the model has not learned: if the tag is right, the model cannot be."""
    excluded: bool = False
    removed: bool = False


def wish(said: Said, *, min_confidence: float) -> Wish | None:
    """What to write, if anything: a person's word, else the AI's where it is sure enough."""
    if said.excluded or said.removed:
        return None
    if said.override is not None:
        genre_id, genre = said.override
        return Wish(genre_id=genre_id, genre=genre, source="person", confidence=None)
    if said.beyond_model or said.predicted is None or not said.classified or said.confidence < min_confidence:
        return None
    genre_id, genre = said.predicted
    return Wish(genre_id=genre_id, genre=genre, source="AI", confidence=said.confidence)


def edit(before: GenreState, wished: Wish, genres_by_spelling: Mapping[str, int]) -> GenreState | None:
    """How the song's genres are to be; None where its tags stand for the wished genre already."""
    if genre_of(before.genres, genres_by_spelling) == wished.genre_id:
        return None
    return GenreState(genres=(wished.genre,), locked=True)
