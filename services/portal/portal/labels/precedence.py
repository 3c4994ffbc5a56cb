"""Which genres a song counts for in a training, and whose word that is: the strongest that is there."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from portal.library.models import Track


class Source(StrEnum):
    """Whose word a label is, strongest first."""

    OVERRIDE = "override"
    """A person's, on this very song."""
    TAUGHT = "taught"
    """A person's, on the set of songs that it is in."""
    TAG = "tag"
    """Its tags in Plex, as they were before we wrote, or in its file."""


@dataclass(frozen=True, kw_only=True)
class SongLabel:
    """What a song is said to be."""

    genre: str
    additional_genres: tuple[str, ...]
    """Further genres that the same word names."""
    source: Source


# One row for each song of which anybody says anything. A stronger word for a retired genre silences the weaker ones:
# whoever taught it did not mean what the tags say. So does a judgement that none of our genres is right. A suspended
# set says nothing, as if it were not there.
SAID = """
SELECT t.id AS track_id,
  CASE WHEN o.id IS NOT NULL THEN 'override' WHEN s.genre_ids IS NOT NULL THEN 'taught' ELSE 'tag' END AS source,
  CASE WHEN o.id IS NOT NULL THEN ARRAY[o.genre_id] WHEN s.genre_ids IS NOT NULL THEN s.genre_ids
    ELSE t.tag_genre_id || t.additional_tag_genres END AS genre_ids
FROM library_track t
LEFT JOIN verdicts_override o ON o.track_id = t.id
LEFT JOIN (
  SELECT m.track_id, array_agg(DISTINCT e.genre_id ORDER BY e.genre_id) AS genre_ids
  FROM teaching_taughtsong m JOIN teaching_taughtset e ON e.id = m.taught_set_id AND e.suspended_time IS NULL
  GROUP BY m.track_id
) s ON s.track_id = t.id
WHERE o.id IS NOT NULL OR (s.genre_ids IS NOT NULL OR t.tag_genre_id IS NOT NULL)
  AND NOT EXISTS (SELECT FROM verdicts_judgement j WHERE j.track_id = t.id AND j.genres = '{}')
"""
# One row for each song and genre that it counts for.
COUNTED = f"""
SELECT d.track_id, d.source, g.id AS genre_id, g.name, n.place
FROM ({SAID}) d CROSS JOIN LATERAL unnest(d.genre_ids) WITH ORDINALITY AS n (genre_id, place)
JOIN genres_genre g ON g.id = n.genre_id AND NOT g.retired
"""  # noqa: S608 # our own words


def labelled(tracks: QuerySet[Track]) -> QuerySet[Track]:
    """Those of the songs that count for a genre."""
    return tracks.filter(pk__in=RawSQL(f"SELECT track_id FROM ({COUNTED}) AS counted", ()))  # noqa: S608,S611


def song_labels(track_ids: Iterable[int]) -> dict[int, SongLabel]:
    """The claims on these songs; songs that count for nothing are left out."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT track_id, source, array_agg(name ORDER BY place) FROM ({COUNTED}) AS counted "  # noqa: S608
            "WHERE track_id = ANY(%s) GROUP BY track_id, source",
            [list(track_ids)],
        )
        return {
            track_id: SongLabel(genre=names[0], additional_genres=tuple(names[1:]), source=Source(source))
            for track_id, source, names in cursor.fetchall()
        }
