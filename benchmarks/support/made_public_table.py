"""Makes a public table as large as the real one: FMA's two files, of songs whose posterior is known."""

import csv
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from portal.public.fma_layout import FEATURE_NAMES, FEATURES, SUBSETS, TRACKS, VALUES

from benchmarks.support.made_public_texts import COLUMNS, Texts

TRACKS_IN_ALL = 106_574
"""Nearly half of them have a genre."""
LAST_ID = 155_320
SONGS_AN_ARTIST = 6.5
SMALL_SONGS = 1000
"""Songs of each of the genres that the small subset has."""
# Genre: songs that have it as genre_top, and those of them in the medium subset, as the data set has them.
SONGS = {
    "Rock": (14_182, 7103),
    "Experimental": (10_608, 2251),
    "Electronic": (9372, 6314),
    "Hip-Hop": (3552, 2201),
    "Folk": (2803, 1519),
    "Pop": (2332, 1186),
    "Instrumental": (2079, 1350),
    "International": (1389, 1018),
    "Classical": (1230, 619),
    "Jazz": (571, 384),
    "Old-Time / Historic": (554, 510),
    "Spoken": (423, 118),
    "Country": (194, 178),
    "Soul-RnB": (175, 154),
    "Blues": (110, 74),
    "Easy Listening": (24, 21),
}
SPLITS = ("training", "validation", "test", *["training"] * 7)
"""Of the artists of a genre, in turn: eight of ten are learned from."""
HIDDEN = 40
SEPARATION, OF_ARTIST, OF_SONG, NOISE = 0.34, 0.5, 0.8, 0.3
CHUNK = 1000
BEST_FILE = "best.json"


@dataclass(frozen=True, kw_only=True)
class MadeSongs:
    """All songs of the table, in the order of their numbers."""

    genres: NDArray[np.int64]
    """Of those without a genre_top too."""
    artists: NDArray[np.int64]
    splits: NDArray[np.int64]
    """Positions in `SPLITS`."""
    subsets: NDArray[np.int64]
    """0 to 3: small, medium, large with a genre_top, large without."""


def main() -> None:
    """Leave both files in the folder that is named, smaller ones where a share is named too."""
    folder, share = Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(6)
    songs = made_songs(random, share)
    numbers = np.sort(random.choice(np.arange(2, LAST_ID + 1), len(songs.genres), replace=False))
    write_tracks(folder / TRACKS, songs, numbers)
    best = write_features(folder / FEATURES, songs, numbers, random)
    (folder / BEST_FILE).write_text(json.dumps(best))


def made_songs(random: np.random.Generator, share: float) -> MadeSongs:
    """Genre by genre, whole artists on one side of the split; then shuffled."""
    columns: list[list[NDArray[np.int64]]] = [[], [], [], []]
    artists_before = 0
    for genre, counts in enumerate(counts_by_subset(share)):
        subsets = np.repeat(np.arange(4), counts)
        artists = np.cumsum(random.random(len(subsets)) < 1 / SONGS_AN_ARTIST)
        made = (np.full(len(subsets), genre), artists + artists_before, artists % len(SPLITS), subsets)
        for column, values in zip(columns, made, strict=True):
            column.append(values)
        artists_before += int(artists[-1]) + 1
    order = random.permutation(sum(map(len, columns[0])))
    genres, artists, splits, subsets = (np.concatenate(column)[order] for column in columns)
    return MadeSongs(genres=genres, artists=artists, splits=splits, subsets=subsets)


def counts_by_subset(share: float) -> list[list[int]]:
    """Songs of each genre: small, else medium, else with a genre_top, and without one."""
    labelled = sum(songs for songs, _ in SONGS.values())
    counts = []
    for songs, medium in SONGS.values():
        small = SMALL_SONGS if medium > SMALL_SONGS else 0
        without = songs * (TRACKS_IN_ALL - labelled) // labelled
        counts.append([small, medium - small, songs - medium, without])
    counts[0][3] += TRACKS_IN_ALL - sum(map(sum, counts))
    return [[round(count * share) for count in of_genre] for of_genre in counts]


def write_tracks(path: Path, songs: MadeSongs, numbers: NDArray[np.int64]) -> None:
    """Two rows of names, one with the name of the index, then a row a track."""
    texts = Texts(seed=1)
    genres = tuple(SONGS)
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["", *(group for group, _ in COLUMNS)])
        table.writerow(["", *(name for _, name in COLUMNS)])
        table.writerow(["track_id", *("" for _ in COLUMNS)])
        columns = (numbers, songs.artists, songs.splits, songs.subsets, songs.genres)
        for number, artist, split, subset, genre in zip(*(each.tolist() for each in columns), strict=True):
            top = genres[genre] if subset < len(SUBSETS) else ""
            said = texts.track(number, artist, genre) | {
                ("set", "split"): SPLITS[split],
                ("set", "subset"): SUBSETS[min(subset, len(SUBSETS) - 1)],
                ("track", "genre_top"): top,
            }
            table.writerow([number, *(said.get(column, "") for column in COLUMNS)])


def write_features(
    path: Path, songs: MadeSongs, numbers: NDArray[np.int64], random: np.random.Generator
) -> dict[str, float]:
    """Three rows of names, one with the name of the index, then a row a track; the best accuracy that is possible."""
    through = np.linalg.qr(random.normal(size=(len(VALUES), HIDDEN)))[0].T
    sizes = np.exp(2 * random.normal(size=len(VALUES)))
    row = "%d" + ",%.10e" * len(VALUES) + "\n"  # as pandas wrote them: float_format="%.10e"
    places = []
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        for position, name in enumerate(FEATURE_NAMES):
            table.writerow([name, *(column[position] for column in VALUES)])
        table.writerow(["track_id", *("" for _ in VALUES)])
        hidden, centres = hidden_places(songs, random)
        for start in range(0, len(numbers), CHUNK):
            place = hidden[start : start + CHUNK]
            noise = NOISE * random.normal(size=(len(place), len(VALUES)))
            seen = place @ through + noise
            places.append(seen @ through.T)
            for number, values in zip(numbers[start : start + CHUNK], seen * sizes, strict=True):
                file.write(row % (number, *values.tolist()))
    return best_possible(np.concatenate(places), centres, songs)


def hidden_places(
    songs: MadeSongs, random: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the songs are [songs, HIDDEN], and the centres of the genres."""
    centres = SEPARATION * random.normal(size=(len(SONGS), HIDDEN))
    of_artist = OF_ARTIST * random.normal(size=(int(songs.artists.max()) + 1, HIDDEN))
    of_song = OF_SONG * random.normal(size=(len(songs.genres), HIDDEN))
    return centres[songs.genres] + of_artist[songs.artists] + of_song, centres


def best_possible(
    places: NDArray[np.float64], centres: NDArray[np.float64], songs: MadeSongs
) -> dict[str, float]:
    """The share of the test songs of each subset that the true posterior names rightly.

    What is seen outside of the hidden dimensions is noise alone, so these tell all that can be known of one song.
    """
    variance = OF_ARTIST**2 + OF_SONG**2 + NOISE**2
    best = {}
    for highest, subset in enumerate(SUBSETS):
        there = songs.subsets <= highest
        prior = np.bincount(songs.genres[there], minlength=len(SONGS)) / there.sum()
        test = there & (songs.splits == SPLITS.index("test"))
        scores = places[test] @ centres.T - (centres**2).sum(axis=1) / 2
        with np.errstate(divide="ignore"):  # a genre that the subset does not have
            posterior = scores / variance + np.log(prior)
        best[subset] = float((posterior.argmax(axis=1) == songs.genres[test]).mean())
    return best


if __name__ == "__main__":
    main()
