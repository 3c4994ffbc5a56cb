"""What a decoder stumbles over is passed over: what FFmpeg decodes is decoded, whatever became of a bit of it."""

import struct
from collections.abc import Iterator
from pathlib import Path

import audio_files
import av
import numpy as np
import pytest
from features.audio.decode import AudioProperties, load_excerpt
from features.errors import DamagedError

NAMES = ("song.flac", "tagged.flac", "song.mp3", "song.ogg", "song.opus", "song.m4a", "alac.m4a", "song.aac")
NAMES += ("song.wav", "song.aiff", "song.wma", "song.wv", "song.mka")
RATE = 22_050
TAG = b"ID3\x04\0\0\0\0\x01\0" + bytes(128)
NOISE = np.random.default_rng(7).bytes(50_000)
UNTOLD = {"container_options": {"write_xing": "0", "id3v2_version": "0"}}


def encoded(folder: Path, name: str, seconds: float, channels: int = 2, rate: int = RATE, **options) -> bytes:
    rate = 48_000 if name.endswith("opus") else rate
    samples = audio_files.music(seconds, sample_rate_hz=rate, channels=channels)
    codec = "alac" if name == "alac.m4a" else None
    path = audio_files.write_audio(folder / name, samples, sample_rate_hz=rate, codec=codec, **options)
    return (TAG if name == "tagged.flac" else b"") + path.read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A song of 36 s in each format."""
    folder = tmp_path_factory.mktemp("whole")
    return {name: encoded(folder, name, 36.0) for name in NAMES}


def decoded(folder: Path, name: str, content: bytes) -> AudioProperties:
    path = folder / name
    path.write_bytes(content)
    return load_excerpt(str(path)).properties


def decoded_seconds(folder: Path, name: str, content: bytes) -> float:
    return decoded(folder, name, content).excerpt_duration_seconds


def seconds_by_ffmpeg(path: Path) -> float:
    """What FFmpeg decodes of the whole file; 0 where it opens it not at all."""
    seconds = 0.0
    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            for packet in container.demux(audio=0):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    continue
                seconds += sum(frame.samples / frame.sample_rate for frame in frames)
    except av.FFmpegError:
        return seconds
    return seconds


@pytest.fixture(scope="module")
def usual(whole, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The same, WavPack at the rate of a CD: its packets last half a second there, and a whole one at half the rate."""
    return {**whole, "song.wv": encoded(tmp_path_factory.mktemp("usual"), "song.wv", 36.0, rate=44_100)}


@pytest.mark.parametrize("name", NAMES)
def test_a_flipped_bit_costs_no_more_than_half_a_second(usual, tmp_path, name):
    rng = np.random.default_rng(0)
    for _ in range(8):
        content = bytearray(usual[name])
        # Inside the excerpt of every format.
        content[int(len(content) * rng.uniform(0.3, 0.7))] ^= 1 << int(rng.integers(8))
        assert decoded_seconds(tmp_path, name, content) >= 29.5


@pytest.mark.parametrize("name", ["song.flac", "tagged.flac", "alac.m4a", "song.m4a", "song.wv"])
def test_three_seconds_that_are_damaged_are_too_many(whole, tmp_path, name):
    content = bytearray(whole[name])
    hole = slice(len(content) * 46 // 100, len(content) * 54 // 100)
    content[hole] = bytes(hole.stop - hole.start)
    with pytest.raises(DamagedError, match="damaged; copy or rip the file again"):
        decoded_seconds(tmp_path, name, content)
    if name == "song.wv":  # in which FFmpeg finds no packet behind such a hole
        return
    # In front of the excerpt they cost nothing.
    content = bytearray(whole[name])
    content[(at := len(content) // 50) : at + len(content) // 50] = bytes(len(content) // 50)
    assert decoded_seconds(tmp_path, name, content) >= 29.5


def wav_with_size(content: bytes, size: int) -> bytes:
    at = content.find(b"data") + 4
    return content[:at] + struct.pack("<I", size) + content[at + 4 :]


def wav_with_chunks(content: bytes) -> bytes:
    at = content.find(b"data")
    more = b"LIST" + struct.pack("<I", 5) + b"hello\0" + b"bext" + struct.pack("<I", 602) + bytes(602)
    return content[:at] + more + content[at:] + b"id3 " + struct.pack("<I", 20) + bytes(20)


def valid_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Files of 24 s or more that are odd and right."""
    song = {
        name: encoded(folder, name, 12.0) for name in ("a.flac", "a.wav", "a.m4a", "a.aac", "a.ogg", "a.opus")
    }
    stereo, mono = (
        encoded(folder, "a.mp3", 12.0, channels, bit_rate=64_000 * channels, **UNTOLD) for channels in (2, 1)
    )
    other_rate = encoded(folder, "a.mp3", 12.0, rate=44_100, **UNTOLD)
    yield "mono to stereo.mp3", mono + stereo + stereo
    yield "stereo to mono.mp3", stereo + mono + mono
    yield "slow to fast.mp3", stereo + other_rate + stereo
    yield "fast to slow.mp3", other_rate + stereo + other_rate
    yield "zeros in front.mp3", bytes(50_000) + stereo + stereo
    yield "noise behind.mp3", stereo + stereo + NOISE
    yield "noise in front.mp3", NOISE[:3_000] + stereo + stereo
    yield (
        "tags.mp3",
        TAG + TAG + stereo + stereo + b"APETAGEX" + struct.pack("<IIII", 2000, 32, 0, 0) + bytes(8),
    )
    for size in (0, 0xFFFF_FFFF, 0x7FFF_F000, 0x7FFF_FFFF, 0xFFFF_FFFF - 44):
        yield f"{size:x}.wav", wav_with_size(song["a.wav"], size)
    yield "chunks.wav", wav_with_chunks(song["a.wav"])
    yield "twice.ogg", song["a.ogg"] + song["a.ogg"]
    yield "other channels.ogg", song["a.ogg"] + encoded(folder, "b.ogg", 12.0, 1)
    yield "twice.opus", song["a.opus"] + song["a.opus"]
    yield "other channels.opus", song["a.opus"] + encoded(folder, "b.opus", 12.0, 1)
    yield "noise behind.m4a", song["a.m4a"] + NOISE[:3_000]
    yield "other rate.aac", song["a.aac"] + encoded(folder, "b.aac", 12.0, rate=44_100)
    yield "other channels.aac", song["a.aac"] + encoded(folder, "b.aac", 12.0, 1)
    untold = bytearray(song["a.flac"])
    untold[21:26] = bytes([untold[21] & 0xF0]) + bytes(4)
    yield "untold.flac", bytes(untold)
    yield "tag behind.flac", song["a.flac"] + b"TAG" + bytes(125)
    yield "noise behind.flac", song["a.flac"] + NOISE


def test_odd_files_that_are_right_are_decoded_as_by_ffmpeg(tmp_path):
    for name, content in valid_files(tmp_path):
        properties = decoded(tmp_path, name, content)
        by_ffmpeg = min(30.0, seconds_by_ffmpeg(tmp_path / name) - properties.excerpt_start_seconds)
        # Of files in a row libsndfile reads the first, which is a song; FFmpeg gives up where another kind begins.
        least = 11.9 if name.endswith((".ogg", ".opus")) else by_ffmpeg - 0.5
        assert properties.excerpt_duration_seconds >= least, (name, properties, by_ffmpeg)


@pytest.mark.parametrize("name", NAMES)
def test_a_song_is_decoded_as_long_as_by_ffmpeg(whole, tmp_path, name):
    seconds = decoded_seconds(tmp_path, name, whole[name])
    assert seconds_by_ffmpeg(tmp_path / name) == pytest.approx(36.0, abs=0.3)
    assert seconds == pytest.approx(30.0, abs=0.01)
