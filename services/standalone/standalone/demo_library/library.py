"""Makes the demo library's files in a folder, beside the truth about them."""

import json
import os
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import active_children, get_context, parent_process
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from standalone.demo_library.artists import artist
from standalone.demo_library.catalogue import Entry, TagState, catalogue
from standalone.demo_library.encoding import CODECS, encode
from standalone.demo_library.genres import GENRES, recipes
from standalone.demo_library.score import compose
from standalone.demo_library.tagging import tag

SEED = 20
"""Of the demo's library."""
VERSION = 1
"""Raised whenever the same seed gives other songs, so that no older library is taken for a new one."""
SONG_STREAM = 2
"""Keeps the random numbers of songs apart from those of artists."""
TRUTH_FILE = "library.json"


@dataclass(frozen=True, kw_only=True)
class Song:
    """A song of the library and the truth about it."""

    path: Path
    title: str
    artist: str
    album: str
    true_genre: str
    tagged_genres: tuple[str, ...]
    """Genre tags of the file, spelled as they are there."""
    tag_state: TagState
    duration_seconds: float
    codec: str
    """A key of `encoding.CODECS`."""


@dataclass(frozen=True, kw_only=True)
class DemoLibrary:
    """A folder of songs."""

    folder: Path
    seed: int
    songs: tuple[Song, ...]


def make(
    folder: Path,
    *,
    seed: int = SEED,
    songs_per_genre: int = 10,
    genres: Sequence[str] = GENRES,
    progress: Callable[[int, int], None] | None = None,
) -> DemoLibrary:
    """The library in `folder`, made unless it is there already.

    `progress` is told how many songs of how many are made. The truth is written last, so a run that was cut short
    starts anew.
    """
    entries = catalogue(seed=seed, songs_per_genre=songs_per_genre, genres=genres)
    identity = {"version": VERSION, "seed": seed, "songs_per_genre": songs_per_genre, "genres": list(genres)}
    found = _read(folder, identity)
    if found is None:
        found = _make_songs(folder, entries, seed, progress)
        _write(folder, identity, found)
    elif progress is not None:
        progress(len(found), len(found))
    return DemoLibrary(folder=folder, seed=seed, songs=found)


def synthesize(entry: Entry, *, seed: int) -> npt.NDArray[np.float32]:
    """The song's samples, shape (channels, n), the same for the same entry and seed."""
    # Its scipy takes seconds to import, which `reclass up` and `reclass --help` need not wait for.
    from standalone.demo_library.mixing import mix

    rng = np.random.default_rng([seed, SONG_STREAM, GENRES.index(entry.genre), entry.number])
    band = artist(entry.genre, entry.artist_number, seed=seed)
    score = compose(recipes()[entry.genre], band, seconds=entry.seconds, rng=rng)
    y = mix(score, band, sample_rate_hz=entry.sample_rate_hz, rng=rng)
    return y.mean(axis=0, keepdims=True) if entry.channels == 1 else y


def _make_songs(
    folder: Path, entries: tuple[Entry, ...], seed: int, progress: Callable[[int, int], None] | None
) -> tuple[Song, ...]:
    # Spawned, because a fork would copy the locks that a caller's threads hold.
    pool = ProcessPoolExecutor(
        min(len(entries), os.cpu_count() or 1), mp_context=get_context("spawn"), initializer=_end_with_parent
    )
    others = active_children()
    songs: dict[int, Song] = {}
    try:
        jobs = {pool.submit(_make_song, folder, entry, seed): number for number, entry in enumerate(entries)}
        for done, job in enumerate(as_completed(jobs), start=1):
            songs[jobs[job]] = job.result()
            if progress is not None:
                progress(done, len(jobs))
    finally:
        if len(songs) < len(entries):
            # A pool that shuts down waits for the songs in progress, and so would the interpreter's end.
            for worker in set(active_children()) - set(others):
                worker.kill()
        pool.shutdown(cancel_futures=True)
    return tuple(songs[number] for number in range(len(entries)))


def _end_with_parent() -> None:
    """Leave Ctrl-C to the parent, and end when it does: a pool's workers outlive a parent that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_watch_parent, daemon=True).start()


def _watch_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _make_song(folder: Path, entry: Entry, seed: int) -> Song:
    path = folder / entry.path
    path.parent.mkdir(parents=True, exist_ok=True)
    y = synthesize(entry, seed=seed)
    encode(y, path, codec=CODECS[entry.codec], sample_rate_hz=entry.sample_rate_hz)
    tag(path, entry)
    return Song(
        path=path,
        title=entry.title,
        artist=entry.artist,
        album=entry.album,
        true_genre=entry.genre,
        tagged_genres=entry.tags,
        tag_state=entry.tag_state,
        duration_seconds=y.shape[1] / entry.sample_rate_hz,
        codec=entry.codec,
    )


def _read(folder: Path, identity: dict[str, Any]) -> tuple[Song, ...] | None:
    """The songs that an earlier run made, or None where it made others or did not finish."""
    try:
        truth = json.loads((folder / TRUTH_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    if any(truth.get(key) != value for key, value in identity.items()):
        return None
    songs = tuple(_song(folder, fields) for fields in truth["songs"])
    return songs if all(song.path.is_file() for song in songs) else None


def _song(folder: Path, fields: dict[str, Any]) -> Song:
    own = {"path": folder / fields["path"], "tagged_genres": tuple(fields["tagged_genres"])}
    return Song(**(fields | own))


def _write(folder: Path, identity: dict[str, Any], songs: tuple[Song, ...]) -> None:
    rows = [asdict(song) | {"path": song.path.relative_to(folder).as_posix()} for song in songs]
    text = json.dumps(identity | {"songs": rows}, ensure_ascii=False, indent=1)
    unfinished = folder / f"{TRUTH_FILE}.part"
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(folder / TRUTH_FILE)
