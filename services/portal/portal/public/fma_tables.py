"""Reads the two tables of the FMA data set, a row at a time: which tracks there are, and what each sounds like."""

import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from sys import intern

from portal.public.fma_layout import (
    FEATURE_NAMES,
    FEATURES,
    FOLDER,
    INDEX,
    REMEDY,
    SPLITS,
    SUBSETS,
    TRACK_HEADER,
    TRACKS,
    VALUES,
)
from portal.public.table_rows import NumberRows, Rows, TableError, opened, opened_numbers

Pick = Callable[[Sequence[bytes]], tuple[bytes, ...]]
"""Takes the 518 values out of the fields of a row."""
WANTED = (
    ("artist", "id"),
    ("artist", "name"),
    ("set", "split"),
    ("set", "subset"),
    ("track", "genre_top"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FmaTrack:
    """One row of tracks.csv that has a genre."""

    track_id: int
    artist: str
    """Its number, which tells artists of one name apart; its name where there is no number."""
    artist_name: str
    genre: str
    split: str
    subset: str


@dataclass(kw_only=True)
class FmaTables:
    """The tables in a folder. What was passed over is counted while they are read."""

    folder: Path
    without_genre: int = 0
    without_values: int = 0
    """Tracks with a genre that have no row in features.csv."""
    not_finite: int = 0
    """Tracks with a genre whose row holds something that is no number."""
    first_not_finite: str = ""
    """Where the first of those is."""
    unknown: int = 0
    """Rows of features.csv about tracks that tracks.csv does not have."""
    _tracks: dict[int, FmaTrack] = field(default_factory=dict)
    _numbers: set[int] = field(default_factory=set)
    """Of all rows of tracks.csv."""

    def read_tracks(self, subset: str = SUBSETS[-1]) -> Mapping[int, FmaTrack]:
        """The tracks of a subset that have a genre, by number; raises TableError."""
        subsets = SUBSETS[: SUBSETS.index(subset) + 1]
        with opened(self.folder / TRACKS) as rows:
            places = track_places(rows)
            for row in rows:
                track = track_of(rows, row, places)
                once(rows, track.track_id, self._numbers)
                if track.subset not in subsets:
                    continue
                if track.genre:
                    self._tracks[track.track_id] = track
                else:
                    self.without_genre += 1
        return self._tracks

    def read_values(self) -> Iterator[tuple[FmaTrack, "array[float]"]]:
        """Each of these tracks with its 518 values; raises TableError, also where no track has any."""
        found, seen = 0, set[int]()
        with opened_numbers(self.folder / FEATURES) as rows:
            pick = itemgetter(*value_places(rows))
            for first, line in rows.lines():
                number = number_of(rows, first.decode(errors="replace"))
                once(rows, number, seen)
                track = self._tracks.get(number)
                if track is None:
                    continue
                found += 1
                values = values_of(rows, line, pick)
                if self._is_finite(rows, values):
                    yield track, values
        self.without_values = len(self._tracks) - found
        self.unknown = len(seen - self._numbers)
        if found == self.not_finite:
            raise TableError(
                f"{self.folder / FEATURES} has no usable row for any track with a genre in {TRACKS}: {REMEDY}"
            )

    def _is_finite(self, rows: Rows, values: Sequence[float]) -> bool:
        if math.isfinite(sum(values)):
            return True
        wrong = next((place for place, value in enumerate(values) if not math.isfinite(value)), None)
        if wrong is None:  # only their sum was too large
            return True
        self.not_finite += 1
        self.first_not_finite = self.first_not_finite or f"{rows.here}, {' '.join(VALUES[wrong])}"
        return False


def tables_in(folder: Path) -> FmaTables:
    """The tables in this folder or its fma_metadata; raises TableError where they are not there."""
    found = folder / FOLDER if (folder / FOLDER).is_dir() else folder
    for name in (TRACKS, FEATURES):
        if not (found / name).is_file():
            raise TableError(f"there is no {name} in {found}. {REMEDY}")
    return FmaTables(folder=found)


def track_places(rows: Rows) -> Mapping[tuple[str, str], int]:
    """Where the columns are that are wanted of tracks.csv."""
    names = rows.head(TRACK_HEADER + 1)
    if names[TRACK_HEADER][0] != INDEX:
        raise rows.wrong(
            f"the third row must name the first column {INDEX!r}, and says {names[TRACK_HEADER][0]!r}"
        )
    there = {(group, name): place for place, (group, name) in enumerate(zip(*names[:2], strict=True))}
    missing = [column for column in WANTED if column not in there]
    if missing:
        said = ", ".join(f"({group}, {name})" for group, name in missing)
        raise rows.wrong(f"the columns {said} are missing in its two rows of names")
    return {column: there[column] for column in WANTED}


def track_of(rows: Rows, row: Sequence[str], places: Mapping[tuple[str, str], int]) -> FmaTrack:
    """The track of a row. What many rows say is kept once."""
    artist_id, artist_name, split, subset, genre = (intern(row[places[column]].strip()) for column in WANTED)
    if split not in SPLITS:
        raise rows.wrong(f"the column (set, split) says {split!r}, not one of {', '.join(SPLITS)}")
    if subset not in SUBSETS:
        raise rows.wrong(f"the column (set, subset) says {subset!r}, not one of {', '.join(SUBSETS)}")
    if "\0" in artist_name or "\0" in genre:  # which PostgreSQL does not take
        raise rows.wrong("a name has a character of code 0 in it")
    return FmaTrack(
        track_id=number_of(rows, row[0]),
        artist=artist_id or artist_name,
        artist_name=artist_name or f"FMA artist {artist_id}",
        genre=genre,
        split=split,
        subset=subset,
    )


def value_places(rows: Rows) -> list[int]:
    """Where each of the 518 values is in a row of features.csv."""
    names = rows.head(len(FEATURE_NAMES) + 1)
    first = tuple(row[0] for row in names)
    if first != (*FEATURE_NAMES, INDEX):
        raise rows.wrong(
            f"the first column of its four rows of names must say {', '.join(FEATURE_NAMES)} and {INDEX}, "
            f"and says {', '.join(map(repr, first))}"
        )
    there = {column: place for place, column in enumerate(zip(*names[:3], strict=True)) if place}
    missing = [" ".join(column) for column in VALUES if column not in there]
    if missing:
        raise rows.wrong(
            f"{len(missing)} of the {len(VALUES)} columns are missing, the first is {missing[0]}"
        )
    return [there[column] for column in VALUES]


def values_of(rows: NumberRows, line: bytes, pick: Pick) -> "array[float]":
    """The values of a row in the order of `VALUES`; what is empty is not a number."""
    texts = pick(rows.fields(line))
    try:
        return array("f", map(float, texts))
    except ValueError:
        return array("f", [number_or_nothing(rows, *each) for each in zip(texts, VALUES, strict=True)])
    except OverflowError as error:
        raise rows.wrong("a value is too large") from error


def number_or_nothing(rows: Rows, text: bytes, name: tuple[str, str, str]) -> float:
    """The number in a field; nan where there is nothing."""
    try:
        return float(text or b"nan")
    except ValueError as error:
        said = text.decode(errors="replace")
        raise rows.wrong(f"{' '.join(name)} is {said!r}, no number") from error


def number_of(rows: Rows, text: str) -> int:
    """The number of the track that a row is about."""
    if not text.isascii() or not text.isdigit():
        raise rows.wrong(f"the column {INDEX} says {text!r}, which is no track's number")
    return int(text)


def once(rows: Rows, number: int, seen: set[int]) -> None:
    """Refuse a second row of one track: which of the two is right cannot be known."""
    if number in seen:
        raise rows.wrong(f"the track {number} had a row before")
    seen.add(number)
