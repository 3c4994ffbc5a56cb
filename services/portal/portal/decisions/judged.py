"""The songs that people have judged, as inference is told of them."""

from collections.abc import Sequence

from django.db import connection

from portal.remote.decisions import AlbumEvidence, ArtistEvidence, JudgementEvidence, SongEvidence

# A message of as many songs has about a third of a megabyte.
SONGS_AT_ONCE = 1000

# What a person has heard stays true of a song that Plex no longer has. What a model says of a song unlike all that it
# knows tells nothing of tags.
_JUDGED = """
SELECT j.track_id, p.model_version, p.sound, COALESCE(a.content_key, ''),
  ARRAY(SELECT g.name FROM unnest(t.tag_genre_id || t.additional_tag_genres) WITH ORDINALITY AS n (id, place)
    JOIN genres_genre g ON g.id = n.id AND NOT g.retired ORDER BY n.place),
  ARRAY(SELECT g.name FROM genres_genre g WHERE g.id = ANY(j.genres) ORDER BY g.name), j.act
FROM verdicts_judgement j JOIN library_track t ON t.id = j.track_id
JOIN verdicts_prediction p ON p.track_id = t.id AND p.current
LEFT JOIN library_audio a ON a.id = t.audio_id
WHERE p.sound <> '' AND p.outcome <> 'out_of_distribution' AND NOT p.random_weights
ORDER BY j.track_id
"""


def judged_songs() -> list[SongEvidence]:
    """Those of whose sound something is known now, in the order of their ids."""
    with connection.cursor() as cursor:
        cursor.execute(_JUDGED)
        return [
            SongEvidence(
                key=str(track),
                model_version=model_version,
                sound=bytes(sound),
                tags=tuple(tags),
                content_key=content_key,
                judgement=JudgementEvidence(genres=tuple(genres), act=act),
            )
            for track, model_version, sound, content_key, tags, genres, act in cursor.fetchall()
        ]


def as_artists(songs: Sequence[SongEvidence]) -> list[ArtistEvidence]:
    """As messages: a judgement is read by sound and tags alone, so whose songs they are is of no account."""
    return [
        ArtistEvidence(
            albums=(
                AlbumEvidence(title="", album_artist="", songs=tuple(songs[first : first + SONGS_AT_ONCE])),
            )
        )
        for first in range(0, len(songs), SONGS_AT_ONCE)
    ]
