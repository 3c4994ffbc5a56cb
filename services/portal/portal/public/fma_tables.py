"""Reads the two tables of the FMA data set, a row at a time: which tracks there are, and what each sounds like."""

import csv
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

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
    UNPACK_AGAIN,
    VALUES,
)

LONGEST_FIELD = 16 * 1024 * 1024
"""Artists' and albums' texts are longer than Python's reader takes by itself."""
WANTED = (
    ("artist", "id"),
    ("artist", "name"),
    ("set", "split"),
    ("set", "subset"),
    ("track", "genre_top"),
)


class TableError(Exception):
    """A table is not what it should be; the message says where, and what to do."""


@dataclass(frozen=True, kw_only=True)
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
    _tracks: dict[int, FmaTrack] = field(default_factory=dict)

    def read_tracks(self, subset: str = SUBSETS[-1]) -> Mapping[int, FmaTrack]:
        """The tracks of a subset that have a genre, by number; raises TableError."""
        subsets = SUBSETS[: SUBSETS.index(subset) + 1]
        with opened(self.folder / TRACKS) as rows:
            places = track_places(rows)
            for row in rows:
                track = track_of(rows, row, places)
                if track.subset not in subsets:
                    continue
                if track.genre:
                    self._tracks[track.track_id] = track
                else:
                    self.without_genre += 1
        return self._tracks

    def read_values(self) -> Iterator[tuple[FmaTrack, "array[float]"]]:
        """Each of these tracks with its 518 values; raises TableError, also where no track has any."""
        missed = dict(self._tracks)
        with opened(self.folder / FEATURES) as rows:
            places = value_places(rows)
            for row in rows:
                track = missed.pop(number_of(rows, row), None)
                values = values_of(rows, row, places) if track else None
                if track and values is not None and self._is_finite(rows, values):
                    yield track, values
        self.without_values = len(missed)
        if len(missed) + self.not_finite == len(self._tracks):
            raise TableError(
                f"{self.folder / FEATURES} has no usable row for any track with a genre in {TRACKS}: {REMEDY}"
            )

    def _is_finite(self, rows: "Rows", values: Sequence[float]) -> bool:
        if math.isfinite(sum(values)):
            return True
        wrong = next((place for place, value in enumerate(values) if not math.isfinite(value)), None)
        if wrong is None:  # only their sum was too large
            return True
        self.not_finite += 1
        self.first_not_finite = self.first_not_finite or f"{rows.here}, {' '.join(VALUES[wrong])}"
        return False


class Rows:
    """The rows of a table; knows where it is, for messages."""

    def __init__(self, path: Path, reader: Iterable[list[str]]) -> None:
        self._path = path
        self._reader = iter(reader)
        self._number = 0
        self.width = 0
        """Fields that each row must have; 0 while that is not known."""

    @property
    def here(self) -> str:
        """File and row."""
        return f"{self._path}, row {self._number}"

    def __iter__(self) -> "Rows":
        return self

    def __next__(self) -> list[str]:
        try:
            row = next(self._reader)
        except csv.Error as error:
            raise TableError(f"{self._path}, after row {self._number}: {error}. {UNPACK_AGAIN}") from error
        self._number += 1
        if self.width and len(row) != self.width:
            raise TableError(f"{self.here} has {len(row)} fields instead of {self.width}. {UNPACK_AGAIN}")
        return row

    def head(self, count: int) -> list[list[str]]:
        """The first rows, which are names; raises TableError where there are not so many."""
        names = [row for _, row in zip(range(count), self, strict=False)]
        if len(names) < count or not names[0]:
            raise TableError(f"{self._path} does not begin with {count} rows of names. {REMEDY}")
        if any(len(row) != len(names[0]) for row in names):
            raise TableError(f"{self._path}: its first {count} rows are not of one length. {UNPACK_AGAIN}")
        self.width = len(names[0])
        return names

    def wrong(self, what: str) -> TableError:
        """An error about the present row."""
        return TableError(f"{self.here}: {what}. {UNPACK_AGAIN}")


def tables_in(folder: Path) -> FmaTables:
    """The tables in this folder or its fma_metadata; raises TableError where they are not there."""
    found = folder / FOLDER if (folder / FOLDER).is_dir() else folder
    for name in (TRACKS, FEATURES):
        if not (found / name).is_file():
            raise TableError(f"there is no {name} in {found}. {REMEDY}")
    return FmaTables(folder=found)


@contextmanager
def opened(path: Path) -> Iterator[Rows]:
    """The rows of a file; raises TableError where it cannot be read."""
    longest = csv.field_size_limit(LONGEST_FIELD)
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield Rows(path, csv.reader(file))
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}. {REMEDY}") from error
    except UnicodeDecodeError as error:
        raise TableError(f"{path} is no text: {error.reason}. {UNPACK_AGAIN}") from error
    finally:
        csv.field_size_limit(longest)


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
    """The track of a row."""
    artist_id, artist_name, split, subset, genre = (row[places[column]].strip() for column in WANTED)
    if split not in SPLITS:
        raise rows.wrong(f"the column (set, split) says {split!r}, not one of {', '.join(SPLITS)}")
    if subset not in SUBSETS:
        raise rows.wrong(f"the column (set, subset) says {subset!r}, not one of {', '.join(SUBSETS)}")
    return FmaTrack(
        track_id=number_of(rows, row),
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


def values_of(rows: Rows, row: Sequence[str], places: Sequence[int]) -> "array[float]":
    """The values of a row in the order of `VALUES`; what is empty is not a number."""
    try:
        return array("f", [float(row[place] or "nan") for place in places])
    except ValueError as error:
        wrong = next(
            (place, name) for place, name in zip(places, VALUES, strict=True) if not is_number(row[place])
        )
        raise rows.wrong(f"{' '.join(wrong[1])} is {row[wrong[0]]!r}, no number") from error
    except OverflowError as error:
        raise rows.wrong("a value is too large") from error


def number_of(rows: Rows, row: Sequence[str]) -> int:
    """The number of the track that a row is about."""
    if not row[0].isascii() or not row[0].isdigit():
        raise rows.wrong(f"the column {INDEX} says {row[0]!r}, which is no track's number")
    return int(row[0])


def is_number(text: str) -> bool:
    """Whether a field holds a number, or nothing."""
    try:
        float(text or "nan")
    except ValueError:
        return False
    return True
