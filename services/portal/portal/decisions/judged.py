"""The songs that people have judged, as inference is told of them."""

from collections.abc import Sequence

from django.db import connection

from portal.genres.models import Genre
from portal.registry.models import TrainedModel
from portal.remote.decisions import AlbumEvidence, ArtistEvidence, JudgementEvidence, SongEvidence

# A message of as many songs has about a third of a megabyte.
SONGS_AT_ONCE = 1000
MIDDLE_FROM = 30
"""Judged contradictions from which on inference decides by the middle of the interval, in place of its lower end."""

# What a person has heard stays true of a song that Plex no longer has. What a model says of a song unlike all that it
# knows tells nothing of tags.
_FROM = """
FROM verdicts_judgement j JOIN library_track t ON t.id = j.track_id
JOIN verdicts_prediction p ON p.track_id = t.id AND p.current
LEFT JOIN library_audio a ON a.id = t.audio_id
WHERE p.sound <> '' AND p.outcome <> 'out_of_distribution' AND NOT p.random_weights
"""
_JUDGED = f"""
SELECT j.track_id, p.model_version, p.sound, COALESCE(a.content_key, ''),
  ARRAY(SELECT g.name FROM unnest(t.tag_genre_id || t.additional_tag_genres) WITH ORDINALITY AS n (id, place)
    JOIN genres_genre g ON g.id = n.id AND NOT g.retired ORDER BY n.place),
  ARRAY(SELECT g.name FROM genres_genre g WHERE g.id = ANY(j.genres) ORDER BY g.name), j.act
{_FROM} ORDER BY j.track_id
"""  # noqa: S608 # our own words
# As inference counts them: an act once, and none of songs that are of no genre that the model knows.
_CONTRADICTIONS = f"""
SELECT count(DISTINCT COALESCE(NULLIF(j.act, ''), j.id::text)) {_FROM}
  AND p.model_version = ANY(%(heads)s) AND j.genres && %(learned)s::bigint[]
  AND (t.tag_genre_id || t.additional_tag_genres) && %(learned)s::bigint[]
  AND NOT p.genre_id = ANY(t.tag_genre_id || t.additional_tag_genres)
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


def contradictions_judged() -> int:
    """How many times people have judged songs whose tag is not what they sound like to the model in service."""
    serving = TrainedModel.objects.filter(state=TrainedModel.State.IN_SERVICE).first()
    if serving is None:
        return 0
    learned = {name.casefold() for name in serving.genres}
    genres = Genre.objects.filter(retired=False).values_list("pk", "name")
    known = [pk for pk, name in genres if name.casefold() in learned]
    with connection.cursor() as cursor:
        cursor.execute(_CONTRADICTIONS, {"heads": list(serving.heads), "learned": known})
        return int(cursor.fetchone()[0])


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
