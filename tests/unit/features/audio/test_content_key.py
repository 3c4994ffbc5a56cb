"""The content key: the same through every retag of every codec, another for every other song."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import audio_files
import pytest
from features.audio.content_key import content_key
from features.audio.decode import load_excerpt
from features.audio.payload import find_payload
from mutagen.apev2 import APEv2
from mutagen.asf import ASF
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, ID3, TALB, TIT2
from mutagen.mp4 import MP4, MP4Cover
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

Retag = Callable[[Path], None]
PICTURE = bytes(range(256)) * 1200


def key_of(path: Path) -> str:
    with open(path, "rb") as file:
        return content_key(file)


def id3(version: int, v1: int, *, picture: bool = True) -> Retag:
    def retag(path: Path) -> None:
        tags = ID3()
        tags.add(TIT2(encoding=3, text="A title"))
        tags.add(TALB(encoding=3, text="An album" * 50))
        if picture:
            tags.add(APIC(encoding=3, mime="image/jpeg", type=3, desc="", data=PICTURE))
        tags.save(path, v2_version=version, v1=v1)

    return retag


def without_id3(path: Path) -> None:
    ID3(path).delete(path)


def ape(path: Path) -> None:
    tags = APEv2()
    tags["Title"] = "A title"
    tags["Comment"] = "words " * 500
    tags.save(path)


def wave_id3(path: Path) -> None:
    file = WAVE(path)
    file.add_tags()
    file.tags.add(TIT2(encoding=3, text="A title"))
    file.tags.add(APIC(encoding=3, mime="image/jpeg", type=3, desc="", data=PICTURE))
    file.save()


def flac(path: Path) -> None:
    file, picture = FLAC(path), Picture()
    picture.data, picture.mime, picture.type = PICTURE, "image/jpeg", 3
    file["title"] = "A title"
    file.add_picture(picture)
    file.save()


def flac_emptied(path: Path) -> None:
    file = FLAC(path)
    file.clear()
    file.clear_pictures()
    file.save(padding=lambda _: 0)


def mp4(path: Path) -> None:
    file = MP4(path)
    file["©nam"] = "A title"
    file["covr"] = [MP4Cover(PICTURE, MP4Cover.FORMAT_JPEG)]
    file.save()


def ogg(kind: type) -> Retag:
    def retag(path: Path) -> None:
        file = kind(path)
        file["title"] = "A title"
        file["comment"] = "words " * 40_000  # several pages of it, so that all later pages get new numbers
        file.save()

    return retag


def asf(path: Path) -> None:
    file = ASF(path)
    file["Title"] = "A title" * 100
    file.save()


RETAGS = [
    ("mp3", [id3(3, v1=0)]),
    ("mp3", [id3(4, v1=2)]),
    ("mp3", [id3(4, v1=2), ape]),
    ("mp3", [id3(4, v1=2), id3(4, v1=0, picture=False)]),
    ("mp3", [ape, id3(4, v1=2), without_id3]),
    ("flac", [flac]),
    ("flac", [flac, flac_emptied]),
    ("flac", [id3(4, v1=2)]),
    ("m4a", [mp4]),
    ("ogg", [ogg(OggVorbis)]),
    ("opus", [ogg(OggOpus)]),
    ("wav", [wave_id3]),
]


@pytest.mark.parametrize(("suffix", "retags"), RETAGS)
def test_a_retag_keeps_the_key_and_a_cover_or_long_comment_grows_the_file(songs, tmp_path, suffix, retags):
    path = Path(shutil.copy(songs[suffix], tmp_path / f"other name.{suffix}"))
    before = path.read_bytes()
    for retag in retags:
        retag(path)
        assert path.read_bytes() != before
        assert key_of(path) == key_of(songs[suffix])


@pytest.mark.parametrize(("suffix", "retag"), [("aac", id3(4, v1=2)), ("aac", ape), ("wma", asf)])
def test_a_retag_keeps_the_key_of_rarer_codecs(tmp_path, suffix, retag):
    path = audio_files.song(tmp_path, suffix, seconds=6.0)
    before = key_of(path)
    retag(path)
    assert key_of(path) == before


def test_a_retag_keeps_the_key_of_an_m4a_with_its_index_in_front(tmp_path):
    samples = audio_files.music(6.0)
    path = audio_files.write_audio(tmp_path / "s.m4a", samples, container_options={"movflags": "faststart"})
    before = key_of(path)
    mp4(path)
    assert path.stat().st_size > len(PICTURE)
    assert key_of(path) == before


def test_an_ogg_retag_does_renumber_the_pages_that_the_key_must_overlook(songs, tmp_path):
    path = Path(shutil.copy(songs["ogg"], tmp_path / "song.ogg"))
    ogg(OggVorbis)(path)
    assert not path.read_bytes().endswith(songs["ogg"].read_bytes()[-20_000:])


def test_the_bytes_of_a_file_have_the_key_of_the_file(songs):
    for path in songs.values():
        assert content_key(io.BytesIO(path.read_bytes())) == key_of(path)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_another_song_of_the_same_length_has_another_key(songs, tmp_path, suffix):
    assert key_of(audio_files.song(tmp_path, suffix, seed=2)) != key_of(songs[suffix])


def test_songs_that_differ_near_an_end_only_have_different_keys(songs, tmp_path):
    start, size = find_payload(io.BytesIO(songs["wav"].read_bytes())).spans[0]
    keys = {key_of(songs["wav"])}
    for position in (start, start + size - 1):
        changed = bytearray(songs["wav"].read_bytes())
        changed[position] ^= 0xFF
        keys.add(content_key(io.BytesIO(bytes(changed))))
    assert len(keys) == 3


def test_a_key_tells_its_version_and_the_size_of_the_sound(songs):
    version, size, digest = key_of(songs["wav"]).split("-")
    assert (version, int(size), len(digest)) == ("1", 40 * 44_100 * 4, 32)


@pytest.mark.parametrize("suffix", audio_files.SUFFIXES)
def test_whole_files_are_not_called_truncated_with_any_tags(songs, tmp_path, suffix):
    for number, (_, retags) in enumerate(case for case in RETAGS if case[0] == suffix):
        path = Path(shutil.copy(songs[suffix], tmp_path / f"{number}.{suffix}"))
        for retag in retags:
            retag(path)
        assert not find_payload(io.BytesIO(path.read_bytes())).is_truncated
        load_excerpt(str(path))


@pytest.mark.parametrize("suffix", audio_files.SUFFIXES)
def test_no_cut_of_a_file_breaks_the_search_for_its_sound(songs, suffix):
    whole = songs[suffix].read_bytes()
    for length in [*range(0, 400, 7), *range(400, len(whole), len(whole) // 40)]:
        payload = find_payload(io.BytesIO(whole[:length]))
        assert 0 <= payload.size <= length
        content_key(io.BytesIO(whole[:length]))
