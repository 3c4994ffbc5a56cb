"""A small data set in exactly the format of FMA's tracks.csv and features.csv, made from songs of known genre."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from portal.public.fma_layout import VALUES
from synthetic_library import SyntheticLibrary, synthetic_library

FMA_GENRES = ("Electronic", "Folk", "Hip-Hop", "Rock", "Experimental")
"""The last one is none of ours."""
COLUMNS = (
    *(("album", name) for name in ("comments", "date_created", "id", "information", "title", "type")),
    *(("artist", name) for name in ("bio", "id", "name", "website")),
    *(("set", name) for name in ("split", "subset")),
    *(("track", name) for name in ("bit_rate", "duration", "genre_top", "genres", "genres_all", "title")),
)
"""As many as it takes to see that the others are passed over; the real table has 52."""


def made_library(seed: int = 3, *, artists_per_genre: int = 12) -> SyntheticLibrary:
    """Five genres whose songs a head can tell apart, most of the time."""
    return synthetic_library(
        seed=seed,
        genres=len(FMA_GENRES),
        artists_per_genre=artists_per_genre,
        songs_per_artist=3,
        separation=1.2,
        wrong=0,
    )


def split_of(artist: int) -> str:
    """Whole artists, as FMA has it: of twelve, eight are learned from."""
    return ("training", "training", "test", "training", "validation", "training")[artist % 6]


def subset_of(song: int) -> str:
    """Songs of one artist are in several subsets."""
    return ("small", "medium", "large")[song % 3]


def write_fma(folder: Path, library: SyntheticLibrary, *, without_genre: int = 2) -> Path:
    """Leave the two tables; some further tracks have no genre. The folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tracks(folder / "tracks.csv", library, without_genre)
    write_features(folder / "features.csv", library.vectors, without_genre)
    return folder


def track_id(song: int) -> int:
    """Numbers with gaps, as in the data set."""
    return 2 + 3 * song


def write_tracks(path: Path, library: SyntheticLibrary, without_genre: int) -> None:
    """Two rows of names, one with the name of the index, then a row a track."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["", *(group for group, _ in COLUMNS)])
        table.writerow(["", *(name for _, name in COLUMNS)])
        table.writerow(["track_id", *("" for _ in COLUMNS)])
        songs = len(library.labels)
        for song in range(songs + without_genre):
            known = song < songs
            artist = int(library.artists[song % songs])
            said = {
                ("artist", "id"): str(100 + artist),
                ("artist", "name"): f"Artist, {artist}",
                ("artist", "bio"): '<p>Born "somewhere",\nin two lines</p>',
                ("set", "split"): split_of(artist),
                ("set", "subset"): subset_of(song),
                ("track", "genre_top"): FMA_GENRES[library.labels[song]] if known else "",
                ("track", "genres"): "[21]",
                ("track", "title"): f"Song {song}",
            }
            table.writerow([track_id(song), *(said.get(column, "") for column in COLUMNS)])


def write_features(path: Path, vectors: np.ndarray, without_genre: int) -> None:
    """Three rows of names, one with the name of the index, then a row a track."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        for position, name in enumerate(("feature", "statistics", "number")):
            table.writerow([name, *(column[position] for column in VALUES)])
        table.writerow(["track_id", *("" for _ in VALUES)])
        for song in range(len(vectors) + without_genre):
            table.writerow([track_id(song), *map(repr_of, vectors[song % len(vectors)])])


def repr_of(value: np.float32) -> str:
    """As the data set has it: seven digits after the point."""
    return f"{value:.7e}"


def changed(path: Path, row: int, column: int, text: str) -> None:
    """Another text in one field; rows and columns from 0."""
    with path.open(encoding="utf-8", newline="") as file:
        rows: list[list[str]] = list(csv.reader(file))
    rows[row][column] = text
    rewrite(path, rows)


def rewrite(path: Path, rows: Sequence[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
