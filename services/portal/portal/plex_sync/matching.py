"""Which track that is gone and which newcomer are one song: its file was moved, its key is new, or both."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper

from portal.library.identity import ANOTHER_SONG, SAME_BYTES, TOLD_APART

# Plex may list a file's new item for days before it drops the old one (until its trash is emptied). Rows that were
# there side by side for longer are songs of their own.
OVERLAP = "7 days"

# Rows whose key has another song now.
_HANDED = f"""
DROP TABLE IF EXISTS handed; DROP TABLE IF EXISTS old_side; DROP TABLE IF EXISTS new_side;
DROP TABLE IF EXISTS same_song;
CREATE TEMP TABLE handed AS
SELECT t.id FROM library_track t JOIN listed l ON l.library_id = t.library_id AND l.rating_key = t.rating_key
WHERE {ANOTHER_SONG}
"""  # noqa: S608 # our own words
# Copies of a recording share a guid: where their keys were exchanged, each one's own file stands under another's key.
_HANDED_TO_A_COPY = f"""
INSERT INTO handed
SELECT DISTINCT t.id
FROM library_track t JOIN listed l ON l.library_id = t.library_id AND l.rating_key = t.rating_key
JOIN listed x ON x.library_id = t.library_id AND x.file = t.file AND x.size_bytes = t.size_bytes
LEFT JOIN library_track y ON y.library_id = x.library_id AND y.rating_key = x.rating_key
WHERE t.file <> '' AND t.file <> l.file AND x.rating_key <> t.rating_key
  AND split_part(x.part_key, '/', 5) = split_part(t.part_key, '/', 5) AND NOT {SAME_BYTES}
  AND y.file IS DISTINCT FROM x.file AND t.id NOT IN (SELECT id FROM handed)
"""  # noqa: S608 # our own words
_OLD_SIDE = """
CREATE TEMP TABLE old_side AS
SELECT t.id, t.library_id, t.guid, t.file, t.size_bytes, t.duration_seconds, t.first_seen_time, t.title, t.artist,
  t.part_key, split_part(t.part_key, '/', 5) AS mtime, CASE WHEN h.id IS NULL THEN t.rating_key END AS rating_key,
  (t.removed_time IS NOT NULL OR t.library_id = ANY(%(read)s) OR h.id IS NOT NULL) AS gone
FROM library_track t JOIN library_library l ON l.id = t.library_id LEFT JOIN handed h ON h.id = t.id
WHERE l.server_id = %(server)s AND (h.id IS NOT NULL OR NOT EXISTS (
  SELECT FROM listed x WHERE x.library_id = t.library_id AND x.rating_key = t.rating_key))
"""
# Songs that came lately and that nobody has said anything of count as newcomers as well: an unfinished listing, or Plex
# itself, may have shown them beside the track in whose place they came.
_NEW_SIDE = f"""
CREATE TEMP TABLE same_song (old_id bigint, library_id bigint, rating_key text, new_id bigint);
CREATE TEMP TABLE new_side AS
SELECT x.library_id, x.rating_key, t.id, x.guid, x.file, x.size_bytes, x.duration_seconds, x.title, x.artist,
  x.part_key, split_part(x.part_key, '/', 5) AS mtime, COALESCE(t.first_seen_time, 'infinity') AS first_seen_time,
  x.copies_here, x.copies
FROM (
  SELECT *, count(*) OVER (PARTITION BY library_id, guid) AS copies_here, count(*) OVER (PARTITION BY guid) AS copies
  FROM listed
) AS x LEFT JOIN library_track t ON t.library_id = x.library_id AND t.rating_key = x.rating_key
  AND t.id NOT IN (SELECT id FROM handed)
WHERE t.id IS NULL OR (
  t.first_seen_time > now() - interval '{OVERLAP}' AND t.removed_time IS NULL AND t.in_plex = 'untouched'
  AND NOT EXISTS (SELECT FROM verdicts_override WHERE track_id = t.id)
  AND NOT EXISTS (SELECT FROM ledger_writerow WHERE track_id = t.id))
"""  # noqa: S608 # our own words


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What two rows have in common that are one song, where no third has it."""

    keys: tuple[str, ...]
    known: str
    """What must hold for the keys to say anything."""
    newcomer: str = "true"
    """What must hold of the newcomer besides."""
    pair: str = "true"
    """What must hold of the two together, `t` and `l`."""


# The surest first. A guid is shared by copies of a recording, so it must be the only one in the whole listing; one that
# Plex made up for a track that it does not know tells nothing once the key has changed.
_GUID_KNOWN = "guid <> '' AND guid NOT LIKE 'local://%'"
_RULES = (
    Rule(keys=("file", "size_bytes", "mtime"), known="file <> '' AND size_bytes > 0 AND mtime <> ''"),
    Rule(keys=("guid",), known=_GUID_KNOWN, newcomer="l.copies = 1"),
    Rule(keys=("file",), known="file <> ''"),
    Rule(
        keys=("size_bytes", "mtime", "duration_seconds"),
        known="size_bytes > 0 AND mtime <> '' AND duration_seconds > 0",
        pair=f"NOT {TOLD_APART}",
    ),
)
_OTHER_LIBRARY_SAME_KEY = Rule(keys=("rating_key",), known="true", pair=f"NOT {ANOTHER_SONG}")


@dataclass(frozen=True, kw_only=True)
class Match:
    """A track that is gone and the newcomer in its place."""

    old_id: int
    library_id: int
    rating_key: str
    new_id: int | None
    """None where the newcomer has no row yet."""


def match(
    cursor: CursorWrapper,
    *,
    server_id: str,
    read: Sequence[int],
    still_there: Callable[[list[str]], set[str]],
) -> list[Match]:
    """Songs under a new key, from the table `listed`. `read`: libraries whose listing is complete, or that are no more.

    Leaves the table `handed`: the ids of tracks whose key has another song now.

    1. Old side: tracks that are not listed, or whose key has another song now. Those of other libraries may still be in
       Plex.
    2. New side: listed tracks without a row, or with one that is new and that nobody has said anything of.
    3. Rule by rule, the surest first: one of the old side and one of the new that share what no third has. In one
       library first, then between libraries.
    4. Where the old track may still be in Plex, Plex is asked for it (`still_there`): then it is another song.
    """
    cursor.execute(_HANDED)
    cursor.execute(_HANDED_TO_A_COPY)
    cursor.execute(_OLD_SIDE, {"server": server_id, "read": list(read)})
    cursor.execute("SELECT EXISTS (SELECT FROM old_side)")
    if not cursor.fetchone()[0]:
        return []
    cursor.execute(_NEW_SIDE)
    for statement in _matching(only_gone=True):
        cursor.execute(statement)
    _ask_for_the_others(cursor, still_there)
    cursor.execute("SELECT old_id, library_id, rating_key, new_id FROM same_song")
    return [Match(old_id=o, library_id=lib, rating_key=k, new_id=n) for o, lib, k, n in cursor.fetchall()]


def _ask_for_the_others(cursor: CursorWrapper, still_there: Callable[[list[str]], set[str]]) -> None:
    """Match tracks that are perhaps gone as well, and leave those out that are not."""
    for statement in _matching(only_gone=False):
        cursor.execute(statement)
    cursor.execute("SELECT o.rating_key FROM old_side o JOIN same_song ON o.id = old_id WHERE NOT gone")
    doubtful = [key for (key,) in cursor.fetchall()]
    if doubtful:
        cursor.execute(
            "DELETE FROM same_song USING old_side o WHERE o.id = old_id AND NOT o.gone AND o.rating_key = ANY(%s)",
            [list(still_there(doubtful))],
        )


def _matching(*, only_gone: bool) -> Iterator[str]:
    # Plex is asked once, when a track comes; not at every sync for each pair that it has side by side.
    old, newcomer = ("gone", "true") if only_gone else ("true", "id IS NULL")
    for rule in _RULES if only_gone else ():
        here = Rule(
            keys=("library_id", *rule.keys),
            known=rule.known,
            newcomer=rule.newcomer.replace("copies", "copies_here"),
            pair=rule.pair,
        )
        yield _statement(here, old, newcomer)
    for rule in (_OTHER_LIBRARY_SAME_KEY, *_RULES):
        yield _statement(rule, old, newcomer)


def _statement(rule: Rule, old: str, newcomer: str) -> str:
    keys = ", ".join(rule.keys)
    return f"""
    INSERT INTO same_song
    SELECT t.id, l.library_id, l.rating_key, l.id
    FROM (
      SELECT *, count(*) OVER (PARTITION BY {keys}) AS alike FROM old_side
      WHERE {rule.known} AND {old} AND id NOT IN (SELECT old_id FROM same_song)
    ) AS t JOIN (
      SELECT *, count(*) OVER (PARTITION BY {keys}) AS alike FROM new_side
      WHERE {rule.known} AND {newcomer}
        AND (library_id, rating_key) NOT IN (SELECT library_id, rating_key FROM same_song)
    ) AS l ON ({", ".join(f"t.{key}" for key in rule.keys)}) = ({", ".join(f"l.{key}" for key in rule.keys)})
    WHERE t.alike = 1 AND l.alike = 1 AND t.first_seen_time < l.first_seen_time AND {rule.newcomer} AND {rule.pair}
    """  # noqa: S608 # our own words
