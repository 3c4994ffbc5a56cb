"""Keeps decisions: one a song, many at once."""

import json
from collections.abc import Iterable, Mapping, Sequence

from django.db import connection, transaction

from portal.decisions.evidence import Key, SharedInputs
from portal.remote.decisions import SongDecision
from portal.verdicts.models import Decision
from portal.verdicts.predictions import DIGITS

_COLUMNS = (
    "track_id, genre_id, confidence, confidence_mean, confidence_high, kind, tag_probability, parts, model, "
    "prediction, artist_group, evidence, basis, judged"
)
_TABLE = """
CREATE TEMPORARY TABLE decided (
  track_id bigint, genre_id bigint, confidence float8, confidence_mean float8, confidence_high float8,
  kind varchar(10), tag_probability float8, parts jsonb, model varchar(100), prediction bigint, artist_group uuid,
  evidence uuid, basis uuid, judged uuid
) ON COMMIT DROP
"""
# In the order of their ids, as whoever else holds songs does. A genre or song that went meanwhile takes nothing along.
_STORE = f"""
INSERT INTO verdicts_decision ({_COLUMNS}, decided_time)
SELECT d.track_id, g.id, {", ".join(f"d.{name}" for name in _COLUMNS.split(", ")[2:])}, now()
FROM decided d JOIN library_track t ON t.id = d.track_id LEFT JOIN genres_genre g ON g.id = d.genre_id
ORDER BY d.track_id FOR KEY SHARE OF t
ON CONFLICT (track_id) DO UPDATE SET decided_time = excluded.decided_time,
  {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[1:])}
"""  # noqa: S608 # our own names of columns


@transaction.atomic
def store_decisions(
    decided: Iterable[SongDecision], *, genres: Mapping[str, int], model: str, inputs: SharedInputs
) -> None:
    """Make these the decisions of their songs. `genres`: ids by name without case; another genre counts as none."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLE)
        with cursor.copy(f"COPY decided ({_COLUMNS}) FROM STDIN") as copy:
            for each in decided:
                copy.write_row((*_row(each, genres, model), inputs.basis, inputs.judged))
        cursor.execute(_STORE)
        cursor.execute("DROP TABLE decided")


def forget_decisions(track_ids: Sequence[int]) -> None:
    """Of songs of which nothing is known any more."""
    Decision.objects.filter(track__in=track_ids).delete()


def _row(said: SongDecision, genres: Mapping[str, int], model: str) -> tuple[object, ...]:
    key = Key.of(said.key)
    parts = [[part.source, part.genre, round(part.probability, DIGITS)] for part in said.parts]
    return (
        key.track, genres.get(said.genre.casefold()), said.confidence, said.confidence_mean, said.confidence_high,
        said.kind, said.tag_probability, json.dumps(parts), model, key.prediction, key.artist_group, key.evidence,
    )  # fmt: skip
