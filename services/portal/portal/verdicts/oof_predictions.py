"""What a training says of its songs out of fold: in a file until the training has succeeded, then stored as a whole."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

from django.db import connection

from portal.remote.inference import OutOfFold
from portal.verdicts.predictions import stored_stages

_COLUMNS = (
    "track_id, genre_id, confidence, model_version, deciding_stage, suspected_label_error, "
    "outcome, random_weights, stages, sound"
)
_TABLE = """
    CREATE TEMPORARY TABLE said (
        track_id bigint, genre_id bigint, confidence float8, model_version varchar(100), deciding_stage smallint,
        suspected_label_error boolean, outcome varchar(20), random_weights boolean, stages jsonb,
        sound bytea
    ) ON COMMIT DROP
"""
# In the order of their ids, as a classify run at the same time does: two orders could wait for each other.
_HOLD = """
    SELECT count(*) FROM (
        SELECT id FROM library_track WHERE id IN (SELECT track_id FROM said) ORDER BY id FOR UPDATE
    ) AS held
"""
_END_EARLIER = """
    UPDATE verdicts_prediction SET current = false FROM said
    WHERE verdicts_prediction.track_id = said.track_id AND verdicts_prediction.current
"""
_MAKE_CURRENT = f"""
    INSERT INTO verdicts_prediction ({_COLUMNS}, out_of_fold, provisional_reason, current, created_time)
    SELECT {", ".join(f"said.{name}" for name in _COLUMNS.split(", "))}, true, '', true, now()
    FROM said JOIN library_track ON library_track.id = said.track_id ORDER BY said.track_id
    ON CONFLICT (track_id, model_version) DO UPDATE SET
        genre_id = excluded.genre_id, confidence = excluded.confidence, deciding_stage = excluded.deciding_stage,
        out_of_fold = true, suspected_label_error = excluded.suspected_label_error, outcome = excluded.outcome,
        random_weights = excluded.random_weights, stages = excluded.stages, sound = excluded.sound, current = true
"""  # noqa: S608 # our own names of columns
# What stands by now is another model's word, or a song's that was analysed anew.
_ONLY_CURRENT = """
    DELETE FROM said WHERE NOT EXISTS (
        SELECT FROM verdicts_prediction p
        WHERE p.track_id = said.track_id AND p.current AND p.out_of_fold AND p.model_version = ANY(%s)
    )
"""
# A song whose file was changed meanwhile is still to be analysed anew. One unlike the training is out of distribution,
# not classified.
_SUCCEED = """
    UPDATE library_track SET
        analysis = said.outcome, analysis_reason = '', analysis_message = '', attempts = 0, next_try_time = NULL
    FROM said WHERE library_track.id = said.track_id AND analysis NOT IN ('pending', 'skipped')
        AND (analysis, analysis_reason, attempts) IS DISTINCT FROM (said.outcome, '', 0)
"""


class WaitingRoom:
    """Takes what is said as it comes, and stores all of it or nothing."""

    def __init__(self, file: IO[str], genres: dict[str, int]) -> None:
        self.suspected_label_errors = 0
        """Songs whose label looks wrong."""
        self.count = 0
        """Songs of which something was said."""
        self._file = file
        self._genres = genres

    def take(self, said: OutOfFold) -> None:
        """Keep what was said of one song."""
        if (
            not said.song_id.isdecimal()
        ):  # those of public tables and of other programs have keys of their own
            return
        self.suspected_label_errors += said.suspected_label_error
        verdict = said.deciding
        if verdict is None:
            return
        best = verdict.top[0]
        genre = self._genres.get(best.genre.casefold())
        if genre is None:  # retired or renamed while the training went on; classify says so, song by song
            return
        stages = json.dumps(stored_stages(said.verdicts))
        row = (
            int(said.song_id), genre, best.probability, verdict.model_version, verdict.stage,
            said.suspected_label_error, said.outcome, verdict.random_weights, stages, said.sound.hex(),
        )  # fmt: skip
        self._file.write(json.dumps(row) + "\n")
        self.count += 1

    def store(self, of_heads: Sequence[str] | None = None) -> None:
        """Make it current, in the caller's transaction; with `of_heads`, only where the current prediction is
        what these heads said out of fold."""
        self._file.seek(0)
        with connection.cursor() as cursor:
            cursor.execute(_TABLE)
            with cursor.copy(f"COPY said ({_COLUMNS}) FROM STDIN") as copy:
                for line in self._file:
                    *row, sound = json.loads(line)
                    copy.write_row((*row, bytes.fromhex(sound)))
            if of_heads is not None:
                cursor.execute(_ONLY_CURRENT, [list(of_heads)])
            cursor.execute("ANALYZE said")
            for statement in (_HOLD, _END_EARLIER, _MAKE_CURRENT, _SUCCEED):
                cursor.execute(statement)


@contextmanager
def waiting_room(genres: dict[str, int]) -> Iterator[WaitingRoom]:
    """An empty one; its file goes with it."""
    # On disk: of 100,000 songs it would be hundreds of megabytes as objects, beside a worker's other jobs.
    with tempfile.TemporaryFile("w+", encoding="utf-8") as file:
        yield WaitingRoom(file, genres)
