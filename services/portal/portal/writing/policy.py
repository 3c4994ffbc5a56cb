"""Which songs are written to Plex, and with what: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portal.counting import listed
from portal.genres.spelling import all_unknown, genres_of
from portal.remote.plex import GenreState

RANDOM_WEIGHTS = (
    "Random weights decided its genre, which means nothing, so it is left alone: train with real weights, or plan with "
    "`--random-weights` to see what writing does."
)
UNLIKE_THE_TRAINING = (
    "It is unlike the songs of the training, so its genre is a guess and is not written: set it by hand."
)
NAMED, LONGEST_SHOWN = 5, 100
AI, PERSON = "AI", "person"
"""Whose word a genre is."""


@dataclass(frozen=True, kw_only=True)
class TargetGenre:
    """The genre that a song is to have in Plex."""

    genre_id: int
    genre: str
    source: str
    """`AI` or `PERSON`."""
    confidence: float | None
    random_weights: bool = False
    """A model for trials decided it: it means nothing."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What is known of a song's genre when a plan is made."""

    override: tuple[int, str] | None = None
    """A person's genre, by id and name."""
    predicted: tuple[int, str] | None = None
    confidence: float = 0.0
    classified: bool = False
    """False for provisional verdicts and songs out of distribution, which are never written."""
    random_weights: bool = False
    """A model for trials has said it."""
    objection: str = ""
    """What speaks against writing the AI's word."""
    excluded: bool = False
    removed: bool = False


def target_genre(said: Said, *, min_confidence: float) -> TargetGenre | None:
    """What to write, if anything: a person's word, else the AI's where it is sure enough."""
    if said.excluded or said.removed:
        return None
    if said.override is not None:
        genre_id, genre = said.override
        return TargetGenre(genre_id=genre_id, genre=genre, source=PERSON, confidence=None)
    if said.objection or said.predicted is None or not said.classified or said.confidence < min_confidence:
        return None
    genre_id, genre = said.predicted
    return TargetGenre(
        genre_id=genre_id,
        genre=genre,
        source=AI,
        confidence=said.confidence,
        random_weights=said.random_weights,
    )


def objection(
    tags: Sequence[str], genres_by_spelling: Mapping[str, int], unlearned: Mapping[int, str]
) -> str:
    """Why a song with these tags, as they were before we wrote, is left to people; empty where nothing speaks against.

    A tag that the model has not learned: every other genre would be wrong if it is right. The same holds for tags of
    which none is known, for a tag that we do not know is not an empty one. unlearned : names of such genres by id.
    """
    beyond = [unlearned[genre] for genre in genres_of(tags, genres_by_spelling) if genre in unlearned]
    if beyond:
        return (
            f"Its tag says {beyond[0]}, which the model has not learned, so it is left alone: set its genre by hand, "
            f"or find more songs of {beyond[0]} and train again."
        )
    unknown = all_unknown(tags, genres_by_spelling)
    if unknown:
        return (
            f"None of its tags is known ({_named(unknown)}), so it is left alone: say on the page Unknown tags what "
            "they stand for, or set its genre by hand."
        )
    return ""


def _named(tags: Sequence[str]) -> str:
    """The first of them, for a song may have a thousand of ten thousand letters."""
    return listed([tag if len(tag) <= LONGEST_SHOWN else f"{tag[:LONGEST_SHOWN]}…" for tag in tags], NAMED)


def edit(before: GenreState, target: TargetGenre, genres_by_spelling: Mapping[str, int]) -> GenreState | None:
    """How the song's genres are to be; None where one of its tags stands for the target genre already."""
    if target.genre_id in genres_of(before.genres, genres_by_spelling):
        return None
    return GenreState(genres=(target.genre,), locked=True)
