"""Which songs the library holds: names, tags, codecs and lengths, decided before a sample is made."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal

import numpy as np

from standalone.demo_library.encoding import CODECS
from standalone.demo_library.genres import GENRES, NEIGHBOURS
from standalone.demo_library.spellings import spellings_of
from standalone.demo_library.tables import load_table

TagState = Literal["right", "wrong", "missing"]

PLAN_STREAM = 3
"""Keeps the random numbers of the catalogue apart from those of artists and songs."""
PLANTED_SHARE = 0.1
"""Share of the songs with a wrong genre tag, and share of those with none."""
SECONDS = (36.0, 59.0)
OWN_NAME_CHANCE = 0.5
"""How likely a right tag is the genre's own name and not another spelling."""
MONO_EVERY = 13
"""One song in so many is mono."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A song to make."""

    genre: str
    """What it is."""
    number: int
    """Its number within the genre, from 0."""
    artist_number: int
    artist: str
    album: str
    track: int
    title: str
    tags: tuple[str, ...]
    """Genre tags of its file."""
    tag_state: TagState
    codec: str
    sample_rate_hz: int
    channels: int
    seconds: float
    """About how long it gets."""

    @property
    def path(self) -> PurePosixPath:
        """Where it lies in the library's folder."""
        name = f"{self.track:02d} {_file_name(self.title)}{CODECS[self.codec].suffix}"
        return PurePosixPath(_file_name(self.artist), _file_name(self.album), name)


def catalogue(*, seed: int, songs_per_genre: int, genres: Sequence[str] = GENRES) -> tuple[Entry, ...]:
    """The songs of these genres, the same for the same arguments."""
    rng = np.random.default_rng([seed, PLAN_STREAM])
    songs = [(genre, number) for genre in genres for number in range(songs_per_genre)]
    wrong, missing = _planted(genres, songs_per_genre, rng)
    offset = int(rng.integers(len(CODECS)))
    names = load_table("names")
    return tuple(
        _entry(genre, number, names[genre], wrong, missing, offset + position, rng)
        for position, (genre, number) in enumerate(songs)
    )


def _planted(
    genres: Sequence[str], songs_per_genre: int, rng: np.random.Generator
) -> tuple[dict[tuple[str, int], str], set[tuple[str, int]]]:
    """The songs tagged wrongly with the genre they get, and the songs without a tag.

    They go round the genres, so that none has more than its share; a genre gives away as many songs as it is given,
    and never to a neighbour, of which a listener could not say that it is wrong.
    """
    count = round(PLANTED_SHARE * len(genres) * songs_per_genre)
    order = [str(genre) for genre in rng.permutation(genres)]
    gifts = _gifts(order)
    free = {genre: [int(number) for number in rng.permutation(songs_per_genre)] for genre in order}
    wrong, missing = {}, set()
    for turn in range(count):
        genre = order[turn % len(order)]
        if len(order) > 1:
            wrong[genre, free[genre].pop()] = gifts[genre]
        if len(free[genre]) > 1:
            missing.add((genre, free[genre].pop()))
    return wrong, missing


def _gifts(order: list[str]) -> dict[str, str]:
    """For each genre another one: a rotation, chosen to give the fewest songs to a neighbour."""

    def close(shift: int) -> int:
        pairs = zip(order, order[shift:] + order[:shift], strict=True)
        return sum(given in NEIGHBOURS[genre] or genre in NEIGHBOURS[given] for genre, given in pairs)

    shift = min(range(1, max(2, len(order))), key=close)
    return dict(zip(order, order[shift:] + order[:shift], strict=True))


def _entry(
    genre: str,
    number: int,
    names: dict[str, Any],
    wrong: dict[tuple[str, int], str],
    missing: set[tuple[str, int]],
    position: int,
    rng: np.random.Generator,
) -> Entry:
    artist_number, record = number % len(names["artists"]), number // len(names["artists"])
    artist, album = names["artists"][artist_number]
    titles = names["titles"]
    again = number // len(titles)
    codec = list(CODECS)[position % len(CODECS)]
    song = (genre, number)
    state: TagState = "wrong" if song in wrong else "missing" if song in missing else "right"
    return Entry(
        genre=genre,
        number=number,
        artist_number=artist_number,
        artist=artist,
        album=album,
        track=record + 1,
        title=titles[number % len(titles)] + (f", Part {again + 1}" if again else ""),
        tags=() if state == "missing" else (_spelling(wrong.get(song, genre), rng),),
        tag_state=state,
        codec=codec,
        sample_rate_hz=CODECS[codec].sample_rate_hz or (48000 if rng.random() < 0.25 else 44100),
        channels=1 if position % MONO_EVERY == 0 else 2,
        seconds=float(rng.uniform(*SECONDS)),
    )


def _spelling(genre: str, rng: np.random.Generator) -> str:
    own, *others = spellings_of(genre)
    return own if rng.random() < OWN_NAME_CHANCE else str(rng.choice(others))


def _file_name(name: str) -> str:
    """The name without what some file systems refuse."""
    return re.sub(r'[<>:"/\\|?*]', "_", name).rstrip(". ")
