"""Which genres there is enough of to learn them, why not the others, and which tags would help if they were known."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import connection

from portal.first_guess.reading import first_guesses
from portal.genres.models import Genre
from portal.labels.precedence import COUNTED
from portal.labels.unmapped_tags import unmapped_tags
from portal.library.names import leading_artist, without_guests
from portal.library.presence import unchosen_libraries
from portal.teaching.results import LEAST_SONGS, enough
from portal.training.dataset import present_versions

# What inference asks for; a test keeps the two together.
FEWEST_SONGS = 5
FEWEST_ARTISTS = 2
FEWEST_GENRES = 2
TAGS_LISTED = 10


@dataclass(frozen=True, kw_only=True)
class GenreCount:
    """The songs that there are to learn a genre from."""

    genre: str
    labelled: int
    """A person, or their tags through the aliases, say so."""
    extracted: int
    """Of these the audio was analysed."""
    usable: int
    """Of these there are vectors of the feature version that the others have."""
    artists: int
    """Leading ones of the usable songs. A training may see fewer, as it unites those of an album or a recording too."""
    by_people: int = 0
    """Of the labelled ones, those that a person set or taught."""
    taught: int = 0
    """Of these, those in taught sets."""
    first_guesses: int = 0
    """Songs that are guessed to be of it, and that neither a person nor a model has decided: some to teach it with."""
    genre_id: int = 0

    @property
    def why_not(self) -> str:
        """Why the genre cannot be learned; empty where it can."""
        if self.usable < FEWEST_SONGS:
            return f"{self.usable} usable songs, {FEWEST_SONGS} are needed"
        if self.artists < FEWEST_ARTISTS:
            return f"songs of {self.artists} artist, {FEWEST_ARTISTS} are needed"
        return ""

    @property
    def too_few(self) -> str:
        """What to say of the number of songs, where there should be more to trust what is learned; else empty."""
        return enough(self.usable)

    @property
    def is_few(self) -> bool:
        """It can be learned, and is not to be trusted then."""
        return not self.why_not and self.usable < LEAST_SONGS


@dataclass(frozen=True, kw_only=True)
class TrainingReadiness:
    """What a training would find."""

    genres: tuple[GenreCount, ...]
    unknown_tags: tuple[tuple[str, int], ...]
    """Tags of songs without a genre that no alias knows, and how many songs have them; the most frequent first."""

    @property
    def trainable(self) -> tuple[GenreCount, ...]:
        """The genres that can be learned."""
        return tuple(each for each in self.genres if not each.why_not)

    @property
    def few(self) -> str:
        """What to say once of all genres that can be learned from few songs; empty where there are none."""
        return next((each.too_few for each in self.genres if each.is_few), "")

    @property
    def are_guessed(self) -> bool:
        """Whether there are first guesses."""
        return any(each.first_guesses for each in self.genres)

    @property
    def enough(self) -> bool:
        """Whether there is anything to learn: one genre alone tells nothing apart."""
        return len(self.trainable) >= FEWEST_GENRES


def survey_genres() -> TrainingReadiness:
    """Count the songs of every genre that is not retired."""
    with connection.cursor() as cursor:
        versions = [f"{kind} {version}" for kind, version in present_versions().items()]
        cursor.execute(_COUNTS, [unchosen_libraries(), versions])
        counted = _with_leading_artists(cursor.fetchall())
    names = Genre.objects.filter(retired=False).values_list("pk", "name")
    guessed = {each.pk: each.songs for each in first_guesses().genres}
    genres = [
        GenreCount(
            genre=name,
            genre_id=pk,
            first_guesses=guessed.get(pk, 0),
            **dict(zip(_COUNTED, counted.get(pk, (0,) * len(_COUNTED)), strict=True)),
        )
        for pk, name in names
    ]
    genres.sort(key=lambda each: (-each.usable, -each.labelled, each.genre))
    return TrainingReadiness(genres=tuple(genres), unknown_tags=_unknown_tags())


_COUNTED = ("labelled", "extracted", "usable", "artists", "by_people", "taught")


def _with_leading_artists(rows: Sequence[Sequence[Any]]) -> dict[int, list[int]]:
    """Rows by genre, with the number of its artists in place of their credits."""
    place = 1 + _COUNTED.index("artists")
    alone = {without_guests(credit) for row in rows for credit in row[place]}
    return {
        row[0]: [*row[1:place], len({leading_artist(each, alone) for each in row[place]}), *row[place + 1 :]]
        for row in rows
    }


def _unknown_tags() -> tuple[tuple[str, int], ...]:
    helpful = (each for each in unmapped_tags() if each.without_genre)
    return tuple((each.tag, each.without_genre) for each in islice(helpful, TAGS_LISTED))


# A credit is told from another as in the training, but for letters that only Unicode's case folding makes equal.
_COUNTS = f"""
WITH labelled AS (
  SELECT c.genre_id, c.source, t.audio_id,
    t.audio_id IS NOT NULL AND t.analysis NOT IN ('pending', 'skipped') AS extracted,
    COALESCE(NULLIF(btrim(regexp_replace(
      lower(normalize(COALESCE(NULLIF(t.artist, ''), t.album_artist), NFKC)), '\\s+', ' ', 'g')), ''),
      'song ' || t.id) AS artist
  FROM ({COUNTED}) c JOIN library_track t ON t.id = c.track_id
  WHERE t.removed_time IS NULL AND NOT t.library_id = ANY(%s)
), counted AS (
  SELECT l.*, extracted AND EXISTS (
    SELECT FROM library_vector v WHERE v.audio_id = l.audio_id AND v.kind || ' ' || v.version = ANY(%s)) AS usable
  FROM labelled l
)
SELECT genre_id, count(*), count(*) FILTER (WHERE extracted), count(*) FILTER (WHERE usable),
  COALESCE(array_agg(DISTINCT artist) FILTER (WHERE usable), '{{}}'), count(*) FILTER (WHERE source <> 'tag'),
  count(*) FILTER (WHERE source = 'taught')
FROM counted GROUP BY genre_id
"""  # noqa: S608 # our own words
