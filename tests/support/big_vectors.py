"""Vectors of a made-up library, in PostgreSQL's binary form: genres, artists and songs as Gaussian offsets, seen
through the very different sizes of the FMA values and through an embedding's even ones."""

import numpy as np
from numpy.typing import NDArray

FMA_VERSION = "fma-518/1;excerpt=middle-30s"
MERT_VERSION = "mert-v1-330M/1;layer=10;excerpt=middle-30s"
HIDDEN = 40
# Microseconds from PostgreSQL's year 2000.
CREATED = 820_000_000_000_000
Floats = NDArray[np.float32]


class VectorMaker:
    """The vectors of songs by their numbers; a portion that begins with the same number has the same vectors again."""

    def __init__(
        self, genre_of_artist: NDArray[np.int64], songs_per_artist: int, seed: int, separation: float = 0.85
    ) -> None:
        random = np.random.default_rng(seed)
        genres = int(genre_of_artist.max()) + 1
        centres = random.normal(size=(genres, HIDDEN)) * separation
        self._artists = centres[genre_of_artist] + random.normal(size=(len(genre_of_artist), HIDDEN)) * 0.8
        self._songs_per_artist = songs_per_artist
        self._seed = seed
        self._to_fma = random.normal(size=(HIDDEN, 518)) / np.sqrt(HIDDEN)
        self._fma_size = np.exp(2.0 * random.normal(size=518))
        self._to_mert = random.normal(size=(HIDDEN, 1024)) * 0.3 / np.sqrt(HIDDEN)
        # A few columns of a transformer's layer are many times as large as the others.
        self._mert_offset = np.where(random.random(1024) < 0.01, 8.0, 0.0) * random.normal(size=1024)

    def fma(self, numbers: NDArray[np.int64]) -> Floats:
        """[songs, 518]"""
        places, random = self._places(numbers)
        noise = 0.3 * random.standard_normal((len(numbers), 518), np.float32)
        return ((places @ self._to_fma + noise) * self._fma_size).astype(np.float32)

    def mert(self, numbers: NDArray[np.int64]) -> Floats:
        """[songs, 1024]"""
        places, random = self._places(numbers)
        noise = 0.1 * random.standard_normal((len(numbers), 1024), np.float32)
        return (places @ self._to_mert + noise + self._mert_offset).astype(np.float32)

    def _places(self, numbers: NDArray[np.int64]) -> tuple[NDArray[np.float64], np.random.Generator]:
        random = np.random.default_rng((self._seed, int(numbers[0])))
        artists = self._artists[np.minimum(numbers // self._songs_per_artist, len(self._artists) - 1)]
        return artists + random.normal(size=artists.shape) * 0.6, random


def rows_of(kind: str, version: str, audio_ids: NDArray[np.int64], values: Floats) -> bytes:
    """Rows of COPY (audio_id, kind, version, created_time, values or half_values); MERT's in half precision."""
    number = ">f2" if kind == "mert" else ">f4"
    width = values.shape[1]
    fields = [("fields", ">i2")]
    constants: dict[str, int | bytes] = {"fields": 5}
    sized = (
        ("audio_id", ">i8", 8), ("kind", f"S{len(kind)}", len(kind)), ("version", f"S{len(version)}", len(version)),
        ("created", ">i8", 8),
    )  # fmt: skip
    for name, form, size in sized:
        fields += [(f"{name}_bytes", ">i4"), (name, form)]
        constants[f"{name}_bytes"] = size
    fields += [("bytes", ">i4"), ("width", ">i2"), ("unused", ">i2"), ("values", number, (width,))]  # type: ignore[list-item]
    constants |= {
        "kind": kind.encode(), "version": version.encode(), "created": CREATED, "width": width,
        "bytes": 4 + width * np.dtype(number).itemsize,
    }  # fmt: skip
    rows = np.zeros(len(audio_ids), np.dtype(fields))
    for name, constant in constants.items():
        rows[name] = constant
    rows["audio_id"], rows["values"] = audio_ids, values
    return rows.tobytes()
