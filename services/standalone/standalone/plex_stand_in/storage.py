"""What outlives a restart of the stand-in: genres, locks, moved tracks and the record of edits, in SQLite."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from standalone.plex_stand_in.catalogue import StandInTrack
from standalone.plex_stand_in.edits import GenreState

SCHEMA = """
CREATE TABLE IF NOT EXISTS genre_state (
  rating_key INTEGER PRIMARY KEY, genres TEXT NOT NULL, locked INTEGER NOT NULL, updated_time INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS membership (rating_key INTEGER PRIMARY KEY, library_key INTEGER, track TEXT);
CREATE TABLE IF NOT EXISTS edit (
  id INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, source TEXT NOT NULL, query TEXT NOT NULL,
  rating_key INTEGER NOT NULL, before TEXT, after TEXT);
CREATE TABLE IF NOT EXISTS song_list (rating_key INTEGER PRIMARY KEY, content TEXT NOT NULL);
"""


@dataclass(frozen=True, kw_only=True)
class EditRecord:
    """One track's part in one edit; before and after are None for a track that the server does not have."""

    time: float
    source: str
    """edit (through Plex's API), hand (a person in Plex) or refresh (Plex itself)."""
    query: str
    rating_key: int
    before: GenreState | None
    after: GenreState | None


class Storage:
    """One SQLite file. Used from one thread at a time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(folder / "stand-in.sqlite3", check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def clear(self) -> None:
        """Forget everything."""
        with self._database:
            for table in ("genre_state", "membership", "edit", "song_list"):
                self._database.execute(f"DELETE FROM {table}")  # noqa: S608 - the names stand in the line above

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep all of the writes in it, or none."""
        with self._database:
            yield

    def genre_states(self) -> Iterator[tuple[int, GenreState, int]]:
        """Rating key, state and time of every track that was ever edited."""
        rows = self._database.execute("SELECT rating_key, genres, locked, updated_time FROM genre_state")
        for rating_key, genres, locked, updated_time in rows:
            yield rating_key, GenreState(genres=tuple(json.loads(genres)), locked=bool(locked)), updated_time

    def memberships(self) -> Iterator[tuple[int, int | None, StandInTrack | None]]:
        """Tracks that were added (with their library) or removed (without) since the catalogue was made."""
        rows = self._database.execute("SELECT rating_key, library_key, track FROM membership")
        for rating_key, library_key, track in rows:
            yield rating_key, library_key, StandInTrack.from_json(json.loads(track)) if track else None

    def song_lists(self) -> Iterator[dict[str, Any]]:
        """Every playlist and collection as it was kept."""
        rows = self._database.execute("SELECT content FROM song_list ORDER BY rating_key")
        yield from (json.loads(content) for (content,) in rows)

    def save_song_list(self, rating_key: int, content: Mapping[str, Any]) -> None:
        """Keep a playlist or collection."""
        with self._database:
            self._database.execute(
                "INSERT OR REPLACE INTO song_list VALUES (?, ?)", (rating_key, json.dumps(content))
            )

    def forget_song_list(self, rating_key: int) -> None:
        """It is gone."""
        with self._database:
            self._database.execute("DELETE FROM song_list WHERE rating_key = ?", (rating_key,))

    def edits(self, after: int = 0, limit: int = 10_000) -> list[dict[str, Any]]:
        """Records of edits in the order of arrival, those with an id above `after`."""
        rows = self._database.execute(
            "SELECT id, time, source, query, rating_key, before, after FROM edit WHERE id > ? ORDER BY id LIMIT ?",
            (after, limit),
        )
        names = ("id", "time", "source", "query", "rating_key", "before", "after")
        records = [dict(zip(names, row, strict=True)) for row in rows]
        for record in records:
            for side in ("before", "after"):
                record[side] = json.loads(record[side]) if record[side] else None
        return records

    def save_state(self, rating_key: int, state: GenreState, updated_time: int) -> None:
        """Keep what a track has now."""
        self._database.execute(
            "INSERT OR REPLACE INTO genre_state VALUES (?, ?, ?, ?)",
            (rating_key, json.dumps(state.genres, ensure_ascii=False), int(state.locked), updated_time),
        )

    def save_member(self, rating_key: int, library_key: int | None, track: StandInTrack | None) -> None:
        """Keep that a track was added, or removed when it has no library."""
        text = json.dumps(asdict(track), ensure_ascii=False) if track else None
        self._database.execute(
            "INSERT OR REPLACE INTO membership VALUES (?, ?, ?)", (rating_key, library_key, text)
        )

    def record(self, edits: Iterable[EditRecord]) -> None:
        """Add to the record of edits."""
        self._database.executemany(
            "INSERT INTO edit (time, source, query, rating_key, before, after) VALUES (?, ?, ?, ?, ?, ?)",
            ((e.time, e.source, e.query, e.rating_key, _json(e.before), _json(e.after)) for e in edits),
        )


def _json(state: GenreState | None) -> str | None:
    return json.dumps(asdict(state), ensure_ascii=False) if state else None
