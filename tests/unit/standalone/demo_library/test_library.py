"""The demo library's files: who gets which tag, what stands in the files, and when the work is skipped."""

from collections import Counter
from pathlib import Path
from typing import Any

import av
import mutagen
import numpy as np
import pytest
from portal.genres.aliases import ALIASES
from portal.genres.spelling import genres_of, lookup, normalised
from standalone.demo_library import GENRES, SPELLINGS, DemoLibrary, make
from standalone.demo_library.catalogue import Entry, catalogue
from standalone.demo_library.encoding import CODECS, encode
from standalone.demo_library.genres import NEIGHBOURS
from standalone.demo_library.spellings import spellings_of
from standalone.demo_library.tables import load_table
from standalone.demo_library.tagging import tag

SAMPLE_RATE_HZ = 48000
SECONDS = 1.5


def sine(channels: int) -> np.ndarray:
    t = np.arange(round(SECONDS * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return np.tile(0.5 * np.sin(2 * np.pi * 1000 * t), (channels, 1)).astype(np.float32)


def an_entry(codec: str, tags: tuple[str, ...]) -> Entry:
    return Entry(
        genre="Rap",
        number=0,
        artist_number=0,
        artist="Motörhäuser & 별빛소녀",
        album="It's 青い軌跡",
        track=7,
        title="Ain't Your Ærø?",
        tags=tags,
        tag_state="right" if tags else "missing",
        codec=codec,
        sample_rate_hz=SAMPLE_RATE_HZ,
        channels=2,
        seconds=SECONDS,
    )


def decoded(path: Path) -> tuple[np.ndarray, int]:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="fltp", layout=stream.layout)
        frames = [part for frame in container.decode(stream) for part in resampler.resample(frame)]
        return np.concatenate([frame.to_ndarray() for frame in frames], axis=1), stream.rate


def said(path: Path, easy: str, raw: str) -> list[str]:
    """A tag by its easy name, or by its frame where the container (WAV) has no easy names."""
    file: Any = mutagen.File(path, easy=True)
    if path.suffix == ".wav":
        return [str(text) for text in file.tags[raw].text] if raw in file.tags else []
    return list(file.get(easy, []))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("codec", sorted(CODECS))
def test_a_file_of_every_codec_decodes_to_what_went_in(tmp_path: Path, codec: str, channels: int) -> None:
    path = tmp_path / f"song{CODECS[codec].suffix}"
    encode(sine(channels), path, codec=CODECS[codec], sample_rate_hz=SAMPLE_RATE_HZ)
    y, sample_rate_hz = decoded(path)
    assert sample_rate_hz == SAMPLE_RATE_HZ
    assert y.shape[0] == channels
    # Lossy codecs pad by some frames.
    assert y.shape[1] / SAMPLE_RATE_HZ == pytest.approx(SECONDS, abs=0.1)
    spectrum = np.abs(np.fft.rfft(y[0]))
    assert spectrum.argmax() * SAMPLE_RATE_HZ / y.shape[1] == pytest.approx(1000, abs=2)
    assert np.sqrt(np.mean(y**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.08)


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_every_tag_can_be_read_back_from_every_codec(tmp_path: Path, codec: str) -> None:
    entry = an_entry(codec, ("Hip-Hop/Rap",))
    path = tmp_path / f"song{CODECS[codec].suffix}"
    encode(sine(2), path, codec=CODECS[codec], sample_rate_hz=SAMPLE_RATE_HZ)
    tag(path, entry)
    assert said(path, "title", "TIT2") == [entry.title]
    assert said(path, "artist", "TPE1") == [entry.artist]
    assert said(path, "albumartist", "TPE2") == [entry.artist]
    assert said(path, "album", "TALB") == [entry.album]
    assert said(path, "tracknumber", "TRCK")[0].split("/")[0] == "7"
    assert said(path, "genre", "TCON") == ["Hip-Hop/Rap"]


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_a_song_without_a_genre_has_no_genre_tag(tmp_path: Path, codec: str) -> None:
    path = tmp_path / f"song{CODECS[codec].suffix}"
    encode(sine(2), path, codec=CODECS[codec], sample_rate_hz=SAMPLE_RATE_HZ)
    tag(path, an_entry(codec, ()))
    assert said(path, "title", "TIT2")
    assert said(path, "genre", "TCON") == []


@pytest.mark.parametrize(("codec", "version"), [("mp3 cbr", 3), ("mp3 vbr", 4)])
def test_both_versions_of_id3_are_written(tmp_path: Path, codec: str, version: int) -> None:
    path = tmp_path / "song.mp3"
    encode(sine(2), path, codec=CODECS[codec], sample_rate_hz=SAMPLE_RATE_HZ)
    tag(path, an_entry(codec, ("Rap",)))
    assert path.read_bytes()[:4] == b"ID3" + bytes([version])


def test_one_song_in_ten_is_tagged_wrongly_and_one_in_ten_not_at_all() -> None:
    entries = catalogue(seed=20, songs_per_genre=10)
    assert len(entries) == 160
    assert Counter(entry.tag_state for entry in entries) == {"right": 128, "wrong": 16, "missing": 16}
    for state in ("wrong", "missing"):
        assert {entry.genre for entry in entries if entry.tag_state == state} == set(GENRES)


def test_right_tags_mean_the_true_genre_and_wrong_ones_no_neighbour_of_it() -> None:
    for entry in catalogue(seed=20, songs_per_genre=10):
        meant = [SPELLINGS[spelling] for spelling in entry.tags]
        if entry.tag_state == "right":
            assert meant == [entry.genre]
        elif entry.tag_state == "wrong":
            assert len(meant) == 1
            assert meant[0] != entry.genre
            assert meant[0] not in NEIGHBOURS[entry.genre]


def test_each_genre_has_five_artists_of_two_songs_and_every_codec_and_rate_occurs() -> None:
    entries = catalogue(seed=20, songs_per_genre=10)
    songs_of = Counter((entry.genre, entry.artist) for entry in entries)
    assert len(songs_of) == 80
    assert set(songs_of.values()) == {2}
    assert len({entry.artist for entry in entries}) == 80
    assert {entry.codec for entry in entries} == set(CODECS)
    assert {entry.sample_rate_hz for entry in entries} == {44100, 48000}
    assert {entry.channels for entry in entries} == {1, 2}
    assert len({entry.path for entry in entries}) == 160


def test_every_genre_has_names_enough() -> None:
    names = load_table("names")
    assert set(names) == set(GENRES)
    assert all(len(genre["artists"]) >= 5 and len(set(genre["titles"])) == 10 for genre in names.values())


def test_every_spelling_means_one_of_the_genres_and_each_has_its_own_name() -> None:
    assert set(SPELLINGS.values()) == set(GENRES)
    assert all(spellings_of(genre)[0] == genre for genre in GENRES)


def test_the_portal_knows_every_spelling() -> None:
    genres = list(ALIASES)
    known = lookup(
        (normalised(alias), genres.index(genre))
        for genre, aliases in ALIASES.items()
        for alias in (genre, *aliases)
    )
    meant = {spelling: [genres[each] for each in genres_of([spelling], known)] for spelling in SPELLINGS}
    assert meant == {spelling: [genre] for spelling, genre in SPELLINGS.items()}


def test_more_songs_than_titles_get_names_of_their_own() -> None:
    entries = catalogue(seed=20, songs_per_genre=25, genres=["Jazz", "Blues"])
    assert len({entry.path for entry in entries}) == 50


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> DemoLibrary:
    return make(tmp_path_factory.mktemp("small"), songs_per_genre=1, genres=["Reggae", "Folk"])


def test_a_small_library_lies_in_folders_by_artist_and_album(small: DemoLibrary) -> None:
    assert [song.true_genre for song in small.songs] == ["Reggae", "Folk"]
    for song in small.songs:
        assert song.path.is_relative_to(small.folder / song.artist / song.album)
        file: Any = mutagen.File(song.path)
        assert file.info.length == pytest.approx(song.duration_seconds, abs=0.2)


def test_a_library_that_is_there_is_not_made_again(small: DemoLibrary, told: "Told") -> None:
    before = {song.path: song.path.stat().st_mtime_ns for song in small.songs}
    assert make(small.folder, songs_per_genre=1, genres=["Reggae", "Folk"], progress=told) == small
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert told.calls == [(2, 2)]


@pytest.mark.thorough
def test_a_library_that_lacks_a_file_is_made_again(small: DemoLibrary, told: "Told") -> None:
    small.songs[0].path.unlink()
    assert make(small.folder, songs_per_genre=1, genres=["Reggae", "Folk"], progress=told) == small
    assert small.songs[0].path.is_file()
    assert told.calls == [(1, 2), (2, 2)]


class Told:
    """A progress callback that remembers."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def __call__(self, done: int, total: int) -> None:
        self.calls.append((done, total))


@pytest.fixture
def told() -> Told:
    return Told()
