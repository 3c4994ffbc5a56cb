"""Which song a person is asked to judge next.

1. One song an artist: whoever tags a whole artist wrongly has made one mistake.
2. Three quarters of the songs are disagreements, whose sound says a genre that none of their tags says; of these as
   many are asked about at each confidence. They tell whether tags are wrong, or songs merely sound like another genre.
3. A quarter are agreements, of all genres alike: what a model has learned wrongly from wrong tags shows only there.
4. Never one of which a person has said something, nor one that would not be written to.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.models import Count

from portal.genres.models import Genre
from portal.library.presence import unchosen_libraries
from portal.registry.models import TrainedModel
from portal.verdicts.models import Judgement, Prediction

AGREEMENT = "agreement"
CONFIDENCES = ((0.85, "from 0.85"), (0.7, "0.7 to 0.85"), (0.5, "0.5 to 0.7"), (0.0, "under 0.5"))
"""From which confidence on, and the name of the stratum. The surest contradict most, and come first."""
STRATA = tuple(name for _, name in CONFIDENCES)
KEPT_SONGS = 20
"""Of each stratum, once they are looked for among all songs: of 300,000 that takes more than a second. As many may be
skipped before they are looked for again."""
KEPT_SECONDS = 600

# Which songs are kept is chance, by a digest of the id, and the same for everybody who asks; of these each person has
# an order of their own, so that two who judge at once are seldom asked about the same song.
_CANDIDATES = f"""
WITH asked AS MATERIALIZED (
  SELECT lower(btrim(COALESCE(NULLIF(t.artist, ''), t.album_artist))) AS artist
  FROM verdicts_judgement j JOIN library_track t ON t.id = j.track_id
), genres_asked AS MATERIALIZED (
  SELECT t.tag_genre_id, count(*) AS songs FROM verdicts_judgement j JOIN library_track t ON t.id = j.track_id
  WHERE j.kind = '{AGREEMENT}' GROUP BY t.tag_genre_id
), songs AS (
  SELECT t.id, t.tag_genre_id, p.genre_id AS sound_genre_id, p.confidence, CASE
      WHEN p.genre_id = ANY(t.tag_genre_id || t.additional_tag_genres) THEN '{AGREEMENT}'
      {" ".join(f"WHEN p.confidence >= {least} THEN '{name}'" for least, name in CONFIDENCES)}
      ELSE '{STRATA[-1]}' END AS stratum
  FROM verdicts_prediction p JOIN library_track t ON t.id = p.track_id
  WHERE p.current AND p.sound <> '' AND p.outcome <> 'out_of_distribution' AND NOT p.random_weights
    AND p.genre_id = ANY(%(in_use)s)
    AND p.model_version = ANY(%(heads)s) AND t.tag_genre_id = ANY(%(learned)s) AND t.file <> ''
    AND t.removed_time IS NULL AND t.in_plex <> 'excluded' AND NOT t.library_id = ANY(%(unchosen)s)
    AND NOT EXISTS (SELECT FROM verdicts_override o WHERE o.track_id = t.id)
    AND NOT EXISTS (SELECT FROM verdicts_judgement j WHERE j.track_id = t.id)
    AND (btrim(t.artist || t.album_artist) = ''
      OR lower(btrim(COALESCE(NULLIF(t.artist, ''), t.album_artist))) NOT IN (SELECT artist FROM asked))
)
"""  # noqa: S608 # our own words
# The first of each stratum, and of each genre among agreements.
_FIRST = f"""{_CANDIDATES}, placed AS (
  SELECT id, stratum, row_number() OVER (
    PARTITION BY stratum, CASE WHEN stratum = '{AGREEMENT}' THEN tag_genre_id END ORDER BY md5(id::text)) AS place
  FROM songs WHERE NOT id = ANY(%(passed)s)
)
SELECT stratum, array_agg(id) FROM placed WHERE place <= %(kept)s GROUP BY stratum
"""  # noqa: S608 # our own words
_NEXT = f"""{_CANDIDATES}
SELECT songs.id, tag_genre_id, sound_genre_id, stratum FROM songs LEFT JOIN genres_asked USING (tag_genre_id)
WHERE songs.id = ANY(%(among)s) AND NOT songs.id = ANY(%(skipped)s)
ORDER BY array_position(%(order)s, stratum),
  CASE WHEN stratum = '{AGREEMENT}' THEN COALESCE(genres_asked.songs, 0) ELSE 0 END, md5(songs.id::text || %(asker)s)
LIMIT 1
"""  # noqa: S608 # our own words
_THIS = f"""{_CANDIDATES}
SELECT id, tag_genre_id, sound_genre_id, stratum FROM songs WHERE id = %(track)s
"""  # noqa: S608 # our own words


@dataclass(frozen=True, kw_only=True)
class Question:
    """A song that is put to a person."""

    track_id: int
    tag_genre: int
    """What its tags stand for, the first of it."""
    sound_genre: int
    """What it sounds like to the model."""
    stratum: str
    """One of `STRATA`, or `AGREEMENT`."""

    @property
    def kind(self) -> Judgement.Kind:
        """Why it is asked about."""
        is_agreement = self.stratum == AGREEMENT
        return Judgement.Kind.AGREEMENT if is_agreement else Judgement.Kind.DISAGREEMENT


def next_question(skipped: Sequence[int] = (), *, asker: str = "") -> Question | None:
    """The song to ask about, but for those that were skipped, in this order; None where there is none.

    `asker`: a name of whoever is asked; people of other names have other orders.
    """
    return _next(order(_judged_by_stratum()), skipped, asker)


def is_contradiction_left() -> bool:
    """Whether a song whose tag contradicts the model is still to be asked about, skipped or not."""
    found = _next((*STRATA, AGREEMENT))
    return found is not None and found.stratum != AGREEMENT


def is_anything_classified() -> bool:
    """Whether the model in service, if there is one, has said anything of a song."""
    heads = _arguments()["heads"]
    said = Prediction.objects.filter(current=True, random_weights=False, model_version__in=heads)
    return said.exclude(sound=b"").exists()


def question_of(track_id: int) -> Question | None:
    """The question of a song that was put to a person; None where it is not to be asked any more."""
    return _question(_THIS, {**_arguments(), "track": track_id})


def order(judged: dict[str, int]) -> Sequence[str]:
    """The strata, the one first from which a song is due. `judged`: how many songs of each were judged."""
    disagreements = sum(judged.get(name, 0) for name in STRATA)
    fewest_first = sorted(STRATA, key=lambda name: judged.get(name, 0))
    if 3 * (judged.get(AGREEMENT, 0) + 1) <= disagreements:
        return (AGREEMENT, *fewest_first)
    return (*fewest_first, AGREEMENT)


def _next(due: Sequence[str], skipped: Sequence[int] = (), asker: str = "") -> Question | None:
    arguments = {
        **_arguments(), "skipped": list(skipped), "passed": _passed(skipped), "order": list(due), "asker": asker
    }  # fmt: skip
    kept = cache.get(_key(arguments))
    if kept is not None:
        found = _among(kept, arguments)
        if found is not None and not _may_lack(kept, due[: due.index(found.stratum)]):
            return found
    kept = _first(arguments)
    cache.set(_key(arguments), kept, KEPT_SECONDS)
    return _among(kept, arguments)


def _may_lack(kept: Mapping[str, Sequence[int]], strata: Sequence[str]) -> bool:
    """Whether one of these, which have no more songs of those that are kept, may have others."""
    return any(len(kept.get(name, ())) >= KEPT_SONGS for name in strata)


def _passed(skipped: Sequence[int]) -> list[int]:
    """Skipped songs that are not kept for whoever skipped them: all but the last, of which there are too few to use up
    what is kept of a stratum. Whoever has skipped few shares what is kept with everybody."""
    return list(skipped[: len(skipped) - len(skipped) % KEPT_SONGS])


def _key(arguments: Mapping[str, Any]) -> str:
    whose = hashlib.sha256(repr((arguments["heads"], arguments["passed"])).encode())
    return f"judge-queue:{whose.hexdigest()}"


def _first(arguments: Mapping[str, Any]) -> dict[str, list[int]]:
    """The ids of songs that come first, by stratum."""
    with connection.cursor() as cursor:
        cursor.execute(_FIRST, {**arguments, "kept": KEPT_SONGS})
        return dict(cursor.fetchall())


def _among(kept: Mapping[str, Sequence[int]], arguments: Mapping[str, Any]) -> Question | None:
    """The next of these songs, of those that are still to be asked about."""
    return _question(_NEXT, {**arguments, "among": [pk for ids in kept.values() for pk in ids]})


def _judged_by_stratum() -> dict[str, int]:
    return dict(Judgement.objects.order_by().values_list("stratum").annotate(songs=Count("pk")))


def _arguments() -> dict[str, Any]:
    serving = TrainedModel.objects.filter(state=TrainedModel.State.IN_SERVICE).first()
    learned = {name.casefold() for name in serving.genres} if serving else set()
    genres = dict(Genre.objects.filter(retired=False).values_list("pk", "name"))
    return {
        "heads": list(serving.heads) if serving else [],
        "learned": [pk for pk, name in genres.items() if name.casefold() in learned],
        "in_use": list(genres),
        "unchosen": unchosen_libraries(),
    }


def _question(sql: str, arguments: dict[str, Any]) -> Question | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, arguments)
        row = cursor.fetchone()
    if row is None:
        return None
    track_id, tag_genre, sound_genre, stratum = row
    return Question(track_id=track_id, tag_genre=tag_genre, sound_genre=sound_genre, stratum=stratum)
