"""Fills the portal's database with as many songs as a test or a benchmark wants, as the running system leaves them.

Everything goes in by COPY: 100,000 songs with FMA and MERT vectors, predictions, overrides, a ledger and runs.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
from big_vectors import FMA_VERSION, MERT_VERSION, VectorMaker, rows_of
from django.db import connection
from sounds import sound_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VERSIONS = ("genre_fma/3", "genre_fma_mert/3")
SONGS_PER_ALBUM, ALBUMS_PER_ARTIST = 10, 3
AT_ONCE = 5000
WORDS = (  # noqa: SIM905 # a list of 36 strings says no more
    "Night Blue River Love Fire Golden Road Home Heart Rain Summer Dance Shadow Light Ocean Dream City Wild Moon Stone "
    "Paper Silver Winter Sky Garden Echo Velvet Thunder Mirror Glass Desert Lonely Midnight Sugar Electric Broken"
).split()
ANALYSES = (
    ("classified", 0.93),
    ("out_of_distribution", 0.03),
    ("failed", 0.01),
    ("pending", 0.02),
    ("skipped", 0.01),
)


def fill(songs: int, *, seed: int = 1, vectors: bool = True, mert: bool = True) -> None:
    """Make a library of so many songs in an empty database whose genres are planted."""
    library = _Library(songs, seed)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO library_library (id, server_id, key, title) VALUES (1, 'big', '1', 'Music')"
        )
    _copy("library_audio", _AUDIO, library.audio())
    _copy("library_track", _TRACK, library.tracks())
    if vectors:
        _copy_vectors(songs, library.genre_of_artist, seed, mert=mert)
    _copy("verdicts_prediction", _PREDICTION, library.predictions())
    _copy("verdicts_decision", _DECISION, library.decisions())
    _copy("verdicts_override", _OVERRIDE, library.overrides())
    _copy("runs_run", _RUN, _runs())
    _copy("ledger_writebatch", _BATCH, _batches())
    _copy("ledger_writerow", _ROW, library.write_rows())
    _number_on(("library_library", "library_audio", "library_track", "runs_run", "ledger_writebatch"))


_AUDIO = "id content_key codec sample_rate_hz channels duration_seconds extracted_time"
_TRACK = (
    "id library_id rating_key guid title artist album_artist album year duration_seconds file part_key added_time "
    "updated_time plex_genres plex_genres_locked file_genres tag_genre_id audio_id analysis analysis_reason "
    "analysis_message attempts next_try_time in_plex removed_time last_synced size_bytes first_seen_time"
)
_PREDICTION = (
    "track_id genre_id confidence model_version deciding_stage out_of_fold suspected_label_error provisional_reason "
    "stages current created_time sound"
)
_DECISION = (
    "track_id genre_id confidence confidence_mean confidence_high kind tag_probability parts model prediction "
    "artist_group evidence decided_time"
)
_OVERRIDE = "track_id genre_id note created_time"
_RUN = (
    "id kind state request_id message arguments result songs_selected song_count done_count skipped_count failed_count "
    "progress step created_time finished_time"
)
_BATCH = "id state min_confidence created_time"
_ROW = (
    "batch_id track_id rating_key before_genres before_locked after_genres after_locked source confidence state "
    "message written_time kind confidence_mean confidence_high tag_probability"
)


class _Library:
    """The rows of a library whose songs are numbered from 1; each has the artist and album of its number."""

    def __init__(self, songs: int, seed: int) -> None:
        from portal.genres.models import Genre

        self.songs = songs
        self.random = np.random.default_rng(seed)
        self.genres = list(Genre.objects.order_by("pk").values_list("pk", "name"))
        artists = songs // (SONGS_PER_ALBUM * ALBUMS_PER_ARTIST) + 1
        # A few genres have most of the songs, as in any library.
        self.genre_of_artist = self.random.geometric(0.15, artists) % len(self.genres)
        names, shares = zip(*ANALYSES, strict=True)
        self.analyses = self.random.choice(names, songs + 1, p=shares)
        self.right = self.random.random(songs + 1) < 0.8
        self.confidence = 0.25 + 0.749 * self.random.beta(2.5, 1.0, songs + 1)
        self.said = np.where(
            self.right, self.genre_of(), self.random.integers(0, len(self.genres), songs + 1)
        )

    def genre_of(self) -> np.ndarray:
        numbers = np.arange(self.songs + 1) // (SONGS_PER_ALBUM * ALBUMS_PER_ARTIST)
        return self.genre_of_artist[np.minimum(numbers, len(self.genre_of_artist) - 1)]

    def audio(self) -> Iterator[tuple[Any, ...]]:
        for song in range(1, self.songs + 1):
            key = f"1-{8_000_000 + song * 37}-{song:032x}"
            yield (song, key, "flac", 44_100, 2, 180.0 + song % 200, NOW)

    def tracks(self) -> Iterator[tuple[Any, ...]]:
        removed = self.random.random(self.songs + 1) < 0.02
        tagged = self.random.random(self.songs + 1) < 0.8
        genres = self.genre_of()
        for song in range(1, self.songs + 1):
            analysis = str(self.analyses[song])
            pk, name = self.genres[genres[song]]
            tags = [name] if tagged[song] else []
            failed = analysis in ("failed", "skipped")
            yield (
                song, 1, str(100_000 + song), f"plex://track/{song:024x}", *_names(song), 1960 + song % 65,
                180.0 + song % 200, _file(song), f"/library/parts/{200_000 + song}/1650000000/file.flac", NOW, NOW,
                tags, False, tags, pk if tagged[song] else None, None if analysis == "pending" else song, analysis,
                "TOO_SHORT" if failed else "", "The song is shorter than 5 seconds." if failed else "", int(failed),
                None, "written" if song % 5 == 0 else "untouched", NOW if removed[song] else None, NOW,
                30_000_000 + song, NOW,
            )  # fmt: skip

    def predictions(self) -> Iterator[tuple[Any, ...]]:
        for song in range(1, self.songs + 1):
            if self.analyses[song] not in ("classified", "out_of_distribution"):
                continue
            sure = float(self.confidence[song])
            stage = 1 if sure >= 0.8 else 2
            trained = song % 2 == 0
            yield (
                song, self.genres[self.said[song]][0], sure, VERSIONS[stage - 1], stage, trained,
                trained and not self.right[song] and sure > 0.9, "", json.dumps(self._stages(song, sure, stage)), True,
                NOW, sound_of(self.genres[self.said[song]][1], sure),
            )  # fmt: skip

    def _stages(self, song: int, sure: float, last: int) -> list[Any]:
        names = [self.genres[(self.said[song] + i) % len(self.genres)][1] for i in range(5)]
        rest = (1 - sure) / 5
        found: list[Any] = []
        for stage in range(1, last + 1):
            best = sure if stage == last else min(sure, 0.79) * 0.9
            numbers = [round(p, 4) for p in (best, rest * 2, rest * 1.3, rest * 0.9, rest * 0.4)]
            top = [part for pair in zip(names, numbers, strict=True) for part in pair]
            found.append([stage, VERSIONS[stage - 1], stage == last, (0.8, 0.7)[stage - 1], top])
        return found

    def decisions(self) -> Iterator[tuple[Any, ...]]:
        for song in range(1, self.songs + 1):
            if self.analyses[song] != "classified":
                continue
            genre, sure = self.genres[self.said[song]], float(self.confidence[song])
            parts = [[source, genre[1], round(sure, 4)] for source in ("sound", "album", "artist", "tags")]
            kind = "none" if self.right[song] else "correction"
            group, digest = UUID(int=song // (SONGS_PER_ALBUM * ALBUMS_PER_ARTIST)), UUID(int=song)
            yield (
                song, genre[0], sure, sure, sure, kind, 0.05, json.dumps(parts), "model-3", song, group, digest, NOW,
            )  # fmt: skip

    def overrides(self) -> Iterator[tuple[Any, ...]]:
        for song in range(3, self.songs + 1, 50):
            yield (song, self.genres[song % len(self.genres)][0], "", NOW)

    def write_rows(self) -> Iterator[tuple[Any, ...]]:
        for song in range(5, self.songs + 1, 5):
            yield (
                1, song, str(100_000 + song), ["Rock"], False, [self.genres[self.said[song]][1]], True, "ai",
                float(self.confidence[song]), "written", "", NOW, "correction", float(self.confidence[song]),
                float(self.confidence[song]), 0.05,
            )  # fmt: skip


def _names(song: int) -> tuple[str, str, str, str]:
    album = song // SONGS_PER_ALBUM
    artist = album // ALBUMS_PER_ARTIST
    name = f"{_words(artist * 7 + 1, 2)} {artist}"
    return f"{_words(song, 3)} {song}", name, name, f"{_words(album * 3, 2)} {album}"


def _words(number: int, count: int) -> str:
    # Steps that share no factor with the number of words, so that neighbours in the library are none in the alphabet.
    return " ".join(WORDS[(number * (11 + 6 * i) + i) % len(WORDS)] for i in range(count))


def _file(song: int) -> str:
    title, artist, _, album = _names(song)
    return f"/data/media/music/{artist}/{album}/{song % SONGS_PER_ALBUM + 1:02} - {title}.flac"


def _runs() -> Iterator[tuple[Any, ...]]:
    for number in range(1, 61):
        kind = ("sync", "classify", "train", "push", "extract", "plan")[number % 6]
        when = NOW + timedelta(hours=number)
        yield (
            number, kind, "done", f"{number:032x}", "", "{}", "{}", True, 1000, 990, 5, 5, 1.0, "", when, when,
        )  # fmt: skip


def _batches() -> Iterator[tuple[Any, ...]]:
    yield (1, "applied", 0.7, NOW)


def _copy(table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
    names = ", ".join(columns.split())
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def _copy_vectors(songs: int, genre_of_artist: np.ndarray, seed: int, *, mert: bool) -> None:
    maker = VectorMaker(genre_of_artist, SONGS_PER_ALBUM * ALBUMS_PER_ARTIST, seed)
    _copy_kind("values", songs, lambda numbers: rows_of("fma", FMA_VERSION, numbers, maker.fma(numbers)))
    if mert:
        _copy_kind(
            "half_values", songs, lambda numbers: rows_of("mert", MERT_VERSION, numbers, maker.mert(numbers))
        )


def _copy_kind(column: str, songs: int, rows: Callable[[np.ndarray], bytes]) -> None:
    query = (
        f'COPY library_vector (audio_id, kind, version, created_time, "{column}") FROM STDIN (FORMAT BINARY)'
    )
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
        for first in range(1, songs + 1, AT_ONCE):
            copy.write(rows(np.arange(first, min(first + AT_ONCE, songs + 1))))
        copy.write(b"\xff\xff")


def _number_on(tables: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for table in tables:
            newest = f"(SELECT max(id) FROM {table})"  # noqa: S608 # our own names of tables
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {newest})")
