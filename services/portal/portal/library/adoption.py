"""Makes one song of two rows: what is known of a track that is gone goes over to the one that came in its place."""

from collections.abc import Iterator, Sequence

from django.db import connection, models, transaction

from portal.library.models import Track

# What a file's mtime is part of: Plex's /library/parts/<id>/<mtime>/file.mp3.
SAME_BYTES = (
    "(o.size_bytes > 0 AND o.size_bytes = n.size_bytes AND split_part(o.part_key, '/', 5) <> '' "
    "AND split_part(o.part_key, '/', 5) = split_part(n.part_key, '/', 5))"
)
SAME_SOUND = f"(n.audio_id = o.audio_id OR n.audio_id IS NULL AND {SAME_BYTES})"
PREDICTED = "('classified', 'provisional', 'out_of_distribution')"

# Rows are locked in one order, so that two that adopt wait for each other instead of for ever.
LOCK = "SELECT id FROM library_track WHERE id = ANY(%(both)s) ORDER BY id FOR UPDATE"

# When a person last said something of a song: an override and a judgement are one word.
_SAID = """(SELECT max(said.created_time) FROM (
    SELECT track_id, created_time FROM verdicts_override UNION ALL SELECT track_id, created_time FROM verdicts_judgement
  ) said WHERE said.track_id = {}.id)"""
PREPARE = f"""
CREATE TEMP TABLE adopted ON COMMIT DROP AS
SELECT o.id AS old_id, n.id AS new_id, {SAME_SOUND} AS same_sound,
  {_SAID.format("o")} AS old_said_time, {_SAID.format("n")} AS new_said_time,
  {SAME_SOUND} AND (n.analysis = 'pending' OR o.analysis IN {PREDICTED}) AS keeps_analysis
FROM unnest(%(old)s::bigint[], %(new)s::bigint[]) AS p (old_id, new_id)
JOIN library_track o ON o.id = p.old_id JOIN library_track n ON n.id = p.new_id
JOIN library_library ol ON ol.id = o.library_id JOIN library_library nl ON nl.id = n.library_id
WHERE ol.server_id = nl.server_id AND o.id <> n.id AND n.removed_time IS NULL
  AND NOT EXISTS (
    SELECT FROM ledger_writerow a JOIN ledger_writerow b USING (batch_id) WHERE a.track_id = o.id AND b.track_id = n.id)
"""  # noqa: S608 # our own words

PREDICTIONS = (
    # What was said of another recording is history.
    """UPDATE verdicts_prediction SET current = false, out_of_fold = false, suspected_label_error = false
    FROM adopted WHERE track_id = old_id AND NOT same_sound""",
    # Of the same recording the older word stays: it may be the one out of fold.
    """DELETE FROM verdicts_prediction mine USING adopted, verdicts_prediction theirs
    WHERE mine.track_id = new_id AND theirs.track_id = old_id AND same_sound
      AND mine.model_version = theirs.model_version""",
    """UPDATE verdicts_prediction SET current = false FROM adopted WHERE track_id = old_id AND current
    AND EXISTS (SELECT FROM verdicts_prediction mine WHERE mine.track_id = new_id AND mine.current)""",
)
# Of two words the newer stays, as a whole: a judgement beside another's override would say something else.
WORDS = tuple(
    f"DELETE FROM {table} USING adopted "  # noqa: S608 # our own words
    "WHERE track_id = CASE WHEN new_said_time < old_said_time THEN new_id ELSE old_id END "
    "AND old_said_time IS NOT NULL AND new_said_time IS NOT NULL"
    for table in ("verdicts_override", "verdicts_judgement")
)
TRACKS = f"""
UPDATE library_track n SET
  audio_id = COALESCE(n.audio_id, o.audio_id),
  file_genres = CASE WHEN n.audio_id IS NULL THEN o.file_genres ELSE n.file_genres END,
  tag_genre_id = COALESCE(n.tag_genre_id, o.tag_genre_id),
  additional_tag_genres = CASE WHEN n.tag_genre_id IS NULL THEN o.additional_tag_genres
    ELSE n.additional_tag_genres END,
  in_plex = CASE WHEN n.in_plex = 'untouched' OR o.in_plex = 'excluded' THEN o.in_plex ELSE n.in_plex END,
  first_seen_time = LEAST(n.first_seen_time, o.first_seen_time),
  last_synced = NULL,
  {
    ", ".join(
        f"{name} = CASE WHEN keeps_analysis THEN o.{name} ELSE n.{name} END"
        for name in ("analysis", "analysis_reason", "analysis_message", "attempts", "next_try_time")
    )
}
FROM adopted, library_track o WHERE o.id = old_id AND n.id = new_id
"""  # noqa: S608 # our own words
# A rollback goes to the key that Plex has now.
LEDGER = tuple(
    f"UPDATE {table} w SET rating_key = n.rating_key FROM adopted, library_track n "  # noqa: S608 # our own words
    "WHERE n.id = new_id AND track_id = new_id AND w.rating_key <> n.rating_key"
    for table in ("ledger_writerow", "ledger_writetest")
)
DELETE = "DELETE FROM library_track USING adopted WHERE id = old_id"


def adopt(removed: Track, newcomer: Track) -> bool:
    """Give `newcomer` the history of `removed`, whose row goes; whether that was done. `newcomer` is read anew.

    For two rows that are one song: the track vanished from Plex and came back under another rating key. Predictions,
    override, judgement, ledger, exclusion and earlier runs go over; key, library and metadata are the newcomer's.
    Features and verdicts go over where both have the same audio, or the same file. Not done where `removed` is still in
    Plex, for tracks of two servers, or where one batch has written both.
    """
    with transaction.atomic():
        gone = Track.objects.select_for_update().filter(pk=removed.pk, removed_time__isnull=False).exists()
        done = gone and adopt_all([(removed.pk, newcomer.pk)]) == 1
    newcomer.refresh_from_db()
    return done


@transaction.atomic
def adopt_all(pairs: Sequence[tuple[int, int]]) -> int:
    """The same for many pairs of ids (gone, newcomer) that are known to be gone; how many were done."""
    old, new = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    with connection.cursor() as cursor:
        cursor.execute(LOCK, {"both": [*old, *new]})
        cursor.execute(PREPARE, {"old": old, "new": new})
        for statement in (*PREDICTIONS, *WORDS, *_moves(), TRACKS, *LEDGER):
            cursor.execute(statement)
        cursor.execute(DELETE)
        done: int = cursor.rowcount
        cursor.execute("DROP TABLE adopted")
    return done


def _moves() -> Iterator[str]:
    """Whatever refers to the old row refers to the new one; what the new one has already goes with the old row."""
    for model, column in _references():
        table = model._meta.db_table
        for others in _unique_with(model, column):
            same = "".join(f" AND mine.{other} = {table}.{other}" for other in others)
            yield (
                f"DELETE FROM {table} USING adopted WHERE {column} = old_id "  # noqa: S608 # our own words
                f"AND EXISTS (SELECT FROM {table} mine WHERE mine.{column} = new_id{same})"
            )
        yield f"UPDATE {table} SET {column} = new_id FROM adopted WHERE {column} = old_id"  # noqa: S608


def _references() -> Iterator[tuple[type[models.Model], str]]:
    """Every model with a foreign key to tracks, and its column."""
    for relation in Track._meta.get_fields(include_hidden=True):
        if isinstance(relation, models.ManyToOneRel):
            yield relation.related_model, relation.field.column


def _unique_with(model: type[models.Model], column: str) -> Iterator[list[str]]:
    """The columns that, together with the track's, tell rows of a model apart: one list a rule."""
    columns = {field.name: field.column for field in model._meta.concrete_fields if field.column}
    if any(field.column == column and field.unique for field in model._meta.concrete_fields):
        yield []
    rules = [
        rule.fields
        for rule in model._meta.constraints
        if isinstance(rule, models.UniqueConstraint) and not rule.condition
    ]
    for names in [*rules, *model._meta.unique_together]:
        named = [columns[name] for name in names]
        if column in named:
            yield [name for name in named if name != column]
