"""Takes full metadata into the database: genres in Plex, their lock, and the genres that the tags claim."""

from collections.abc import Mapping, Sequence

from django.db import connection, transaction
from django.utils import timezone

from portal.genres.models import spellings
from portal.labels.tags import labels_of
from portal.remote.sync import GenreState

_CREATE = """
CREATE TEMP TABLE detail (
  track_id bigint, plex_genres text[], plex_genres_locked boolean, tag_genre_id bigint,
  additional_tag_genres bigint[]) ON COMMIT DROP
"""
_COPY = (
    "COPY detail (track_id, plex_genres, plex_genres_locked, tag_genre_id, additional_tag_genres) FROM STDIN"
)
_UPDATE = """
UPDATE library_track SET plex_genres = d.plex_genres, plex_genres_locked = d.plex_genres_locked,
  tag_genre_id = d.tag_genre_id, additional_tag_genres = d.additional_tag_genres, last_synced = %s
FROM detail d WHERE id = d.track_id
"""


def store_details(states: Mapping[int, GenreState], in_files: Mapping[int, Sequence[str]]) -> None:
    """Keep what Plex has of each of these tracks, read just now, beside the genres of their files."""
    in_plex = {track_id: state.genres for track_id, state in states.items()}
    labels = labels_of(in_plex, in_files, spellings())
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CREATE)
        with cursor.copy(_COPY) as copy:
            for track_id, state in states.items():
                copy.write_row((track_id, list(state.genres), state.locked, *labels[track_id]))
        cursor.execute(_UPDATE, [timezone.now()])
