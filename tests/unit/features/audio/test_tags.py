"""Tags of every kind come out alike, and a broken one costs nothing but itself."""

import shutil
from pathlib import Path

import audio_files
import mutagen
import numpy as np
import pytest
from features.audio import tags as features_tags
from features.audio.tags import FileTags, read_tags
from hypothesis import given
from hypothesis import strategies as st
from mutagen.apev2 import APEv2
from mutagen.easyid3 import EasyID3
from mutagen.id3 import ID3, TALB, TCON, TIT2, TPE1, TPE2
from mutagen.mp4 import MP4
from mutagen.wave import WAVE
from reclass.features.v1 import features_pb2

WANTED = FileTags(
    title="Träume & Öl",
    artist="노을",
    album="The Album",
    album_artist="Various",
    genres=("Hip-Hop/Rap", "R&B"),
)


def write_id3(tags: ID3) -> None:
    tags.add(TIT2(encoding=3, text=WANTED.title))
    tags.add(TPE1(encoding=3, text=WANTED.artist))
    tags.add(TALB(encoding=3, text=WANTED.album))
    tags.add(TPE2(encoding=3, text=WANTED.album_artist))
    tags.add(TCON(encoding=3, text=list(WANTED.genres)))


def tag_mp3(path: Path) -> None:
    tags = ID3()
    write_id3(tags)
    tags.save(path)


def tag_wav(path: Path) -> None:
    file = WAVE(path)
    file.add_tags()
    write_id3(file.tags)
    file.save()


def tag_m4a(path: Path) -> None:
    file = MP4(path)
    file["©nam"], file["©ART"], file["©alb"], file["aART"] = "Träume & Öl", "노을", "The Album", "Various"
    file["©gen"] = list(WANTED.genres)
    file.save()


def tag_vorbis(path: Path) -> None:
    file = mutagen.File(path)
    file["TITLE"], file["ARTIST"], file["ALBUM"], file["ALBUMARTIST"] = (
        "Träume & Öl",
        "노을",
        "The Album",
        "Various",
    )
    file["GENRE"] = list(WANTED.genres)
    file.save()


def tag_ape(path: Path) -> None:
    tags = APEv2()
    tags["Title"], tags["Artist"], tags["Album"], tags["Album Artist"] = (
        "Träume & Öl",
        "노을",
        "The Album",
        "Various",
    )
    tags["Genre"] = list(WANTED.genres)
    tags.save(path)


def tag_wma(path: Path) -> None:
    file = mutagen.File(path)
    file["Title"], file["Author"], file["WM/AlbumTitle"] = "Träume & Öl", "노을", "The Album"
    file["WM/AlbumArtist"], file["WM/Genre"] = "Various", list(WANTED.genres)
    file.save()


@pytest.fixture(scope="session")
def short_songs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("short")
    return {s: audio_files.song(folder, s, seconds=1.0) for s in (*audio_files.SUFFIXES, "aac", "wma")}


@pytest.mark.parametrize(
    ("suffix", "tag"),
    [
        ("mp3", tag_mp3),
        ("mp3", tag_ape),
        ("aac", tag_mp3),
        ("aac", tag_ape),
        ("wav", tag_wav),
        ("m4a", tag_m4a),
        ("flac", tag_vorbis),
        ("ogg", tag_vorbis),
        ("opus", tag_vorbis),
        ("wma", tag_wma),
    ],
)
def test_every_kind_of_tag_is_read(short_songs, tmp_path, suffix, tag):
    path = Path(shutil.copy(short_songs[suffix], tmp_path))
    if suffix == "mp3":
        ID3(path).delete(path)
    tag(path)
    assert read_tags(str(path)) == WANTED


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["(17)"], ("Rock",)),
        (["17", "(8)"], ("Rock", "Jazz")),
        (["(4)Eurodisco"], ("Disco", "Eurodisco")),
        (["Rock; Pop;rock ; "], ("Rock", "Pop")),
        (["Pop/Rock", "Drum & Bass, Jungle"], ("Pop/Rock", "Drum & Bass, Jungle")),
        (["Folk\x00Rock", "Jazz"], ("Folk", "Rock", "Jazz")),
        (["  "], ()),
    ],
)
@pytest.mark.parametrize("suffix", ["mp3", "flac"])
def test_genres_are_names_each_once(short_songs, tmp_path, suffix, written, read):
    path = Path(shutil.copy(short_songs[suffix], tmp_path))
    if suffix == "mp3":
        tags = ID3()
        tags.add(TCON(encoding=3, text=written))
        tags.save(path)
    else:
        file = mutagen.File(path)
        file["genre"] = written
        file.save()
    assert read_tags(str(path)).genres == read


def test_an_id3v1_tag_alone_is_read(short_songs, tmp_path):
    path = Path(shutil.copy(short_songs["mp3"], tmp_path))
    ID3(path).delete(path)
    tag = (
        b"TAG"
        + b"Old title".ljust(30, b"\0")
        + b"Old artist".ljust(30, b"\0")
        + b"Old album".ljust(30, b"\0")
    )
    path.write_bytes(path.read_bytes() + tag + b"1999" + bytes(30) + b"\x11")
    assert read_tags(str(path)) == FileTags(
        title="Old title", artist="Old artist", album="Old album", genres=("Rock",)
    )


def test_a_file_without_tags_has_empty_ones(short_songs):
    assert read_tags(str(short_songs["wav"])) == FileTags()
    assert read_tags("/nowhere/song.mp3") == FileTags()


def test_texts_fit_a_column_of_a_database(short_songs, tmp_path):
    path = Path(shutil.copy(short_songs["flac"], tmp_path))
    file = mutagen.File(path)
    file["title"], file["artist"] = "a\0b\r\n c", "x" * 10_000
    file["genre"] = [f"genre {i}" for i in range(500)]
    file.save()
    tags = read_tags(str(path))
    assert tags.title == "a b c"
    assert len(tags.artist) == 500
    assert len(tags.genres) == 20


def test_damage_in_a_tag_never_raises(short_songs, tmp_path):
    rng = np.random.default_rng(0)
    for suffix, path in short_songs.items():
        copy = Path(shutil.copy(path, tmp_path / f"damaged.{suffix}"))
        if suffix == "mp3":
            EasyID3(copy).save()
            tag_mp3(copy)
        whole = copy.read_bytes()
        for _ in range(60):
            damaged = bytearray(whole)
            for position in rng.integers(0, 600, 8):
                damaged[position] = rng.integers(0, 256)
            copy.write_bytes(damaged[: rng.integers(10, len(damaged))])
            assert isinstance(read_tags(str(copy)), FileTags)


@given(
    text=st.one_of(
        st.text(st.characters(), max_size=30),
        st.sampled_from(["a\0b", "\ud800", "²", "(²)", "9" * 5000, "(" + "9" * 5000 + ")", "x" * 2_000_000]),
    )
)
def test_whatever_a_tag_holds_a_message_takes_it_and_the_other_tags_stay(text: str) -> None:
    tags = features_tags._file_tags({"title": [text], "artist": ["A band"], "genre": [text, "Jazz"]})
    message = features_pb2.FileTags(title=tags.title, artist=tags.artist, genres=tags.genres)
    assert "\0" not in message.title
    assert len(message.title) <= features_tags.MAX_CHARACTERS
    assert message.artist == "A band"
    assert "jazz" in [genre.casefold() for genre in message.genres] or len(message.genres) == 20
