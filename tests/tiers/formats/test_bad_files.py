"""Files that are no song, or a broken one: each is told apart from the others, in a sentence."""

import os
import re
import struct
import wave
from collections.abc import Callable
from pathlib import Path

import audio_files
import av
import numpy as np
import pytest
import soundfile
from features.audio.decode import NATIVE, load_excerpt
from features.audio.excerpts import Excerpt
from features.errors import (
    AudioNotFoundError,
    DamagedError,
    InvalidSamplesError,
    NoSamplesError,
    NotAudioError,
    TooLongError,
    TooShortError,
    TruncatedError,
)
from features.workers.extraction import extract
from mutated_files import mutated, sources
from runtime.errors import ServiceError

RATE = 22_050
NAMES = ("song.mp3", "song.flac", "song.wav", "song.aiff", "song.ogg", "song.opus", "song.m4a", "song.aac")
NAMES += ("alac.m4a", "song.wma", "song.wv", "song.mka")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A sound file of 12 s in each format, to be broken."""
    folder = tmp_path_factory.mktemp("whole")
    music = {rate: audio_files.music(12.0, sample_rate_hz=rate) for rate in (RATE, 48_000)}
    for name in NAMES:
        rate = 48_000 if name == "song.opus" else RATE
        codec = "alac" if name == "alac.m4a" else None
        audio_files.write_audio(folder / name, music[rate], sample_rate_hz=rate, codec=codec)
    return {name: (folder / name).read_bytes() for name in NAMES}


@pytest.fixture
def seconds_of(tmp_path: Path) -> Callable[..., float]:
    """Decodes content under a name; gives the length that the song is said to have."""

    def seconds_of(name: str, content: bytes, part: Excerpt = Excerpt.MIDDLE) -> float:
        (tmp_path / name).write_bytes(content)
        excerpt = load_excerpt(str(tmp_path / name), part, rates=(RATE, NATIVE))
        assert all(np.isfinite(y).all() and y.size for y in excerpt.at.values())
        return excerpt.properties.duration_seconds

    return seconds_of


def with_number(content: bytes, offset: int, size: int, times: float, order: str = "big") -> bytes:
    """The content with the number at an offset multiplied."""
    number = int.from_bytes(content[offset : offset + size], order)
    return content[:offset] + int(number * times).to_bytes(size, order) + content[offset + size :]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"This is a text, whatever its name says.\n" * 500, "is a text"),
        ("\N{BYTE ORDER MARK}Ein Text mit Umlauten: \u00e4\u00f6\u00fc\n".encode() * 500, "is a text"),
        (b"#EXTM3U\nsong.flac\n", "is a playlist"),
        (b"[playlist]\nFile1=song.flac\n", "is a playlist"),
        (b"\n<!DOCTYPE html><html>Not found</html>", "is a web page"),
        (b"\xff\xd8\xff\xe0" + bytes(5_000), "is a picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(5_000), "is a picture"),
        (b"PK\x03\x04" + bytes(5_000), "is a ZIP archive"),
        (b"MThd\0\0\0\x06" + bytes(500), "^the file is a MIDI file, the notes of a song, and no audio$"),
        (bytes(100_000), "is nothing but zeros"),
        # Noise is neither a text nor sound of no channel.
        (np.random.default_rng(0).bytes(100_000), "^the file holds no audio that can be decoded$"),
        (np.random.default_rng(5).bytes(300_000), "^the file holds no audio that can be decoded$"),
        (b"\xff", "^the file holds no audio that can be decoded$"),
        (b"\xfb\xff", "^the file holds no audio that can be decoded$"),
    ],
)
def test_what_is_no_audio_is_named(seconds_of, content, says):
    for name in ("song.mp3", "song.flac", "song.vox"):
        with pytest.raises(NotAudioError, match=says):
            seconds_of(name, content)


@pytest.mark.parametrize(
    ("suffix", "says"), [("mp4", "there is video in it"), ("mka", "there is video in it")]
)
def test_a_film_or_a_picture_without_sound_is_no_audio(tmp_path, suffix, says):
    container_format = "matroska" if suffix == "mka" else None
    with av.open(str(tmp_path / f"film.{suffix}"), "w", format=container_format) as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), dtype=np.uint8), format="rgb24")
        for part in (frame, None):
            container.mux(stream.encode(part))
    with pytest.raises(NotAudioError, match=says):
        load_excerpt(str(tmp_path / f"film.{suffix}"))


def test_a_copy_protected_song_is_said_to_be_one(whole, seconds_of):
    protected = whole["song.m4a"].replace(b"mp4a", b"drms")
    assert protected != whole["song.m4a"]
    with pytest.raises(NotAudioError, match="copy-protected"):
        seconds_of("song.m4a", protected)


@pytest.mark.parametrize("suffix", ["wav", "aiff"])
def test_a_file_without_a_sample_says_so(tmp_path, suffix):
    soundfile.write(tmp_path / f"song.{suffix}", np.empty((0, 2)), RATE)
    with pytest.raises(NoSamplesError, match="not one sample"):
        load_excerpt(str(tmp_path / f"song.{suffix}"))


def test_a_flac_without_a_sample_says_so(whole, seconds_of):
    header = whole["song.flac"][:42]
    nothing = with_number(header[:4] + b"\x80" + header[5:], 22, 4, 0)
    assert nothing[21] & 0x0F == 0
    with pytest.raises(NoSamplesError):
        seconds_of("song.flac", nothing)


@pytest.mark.parametrize("name", NAMES)
def test_half_a_file_is_truncated_and_never_damaged(whole, seconds_of, name):
    half = whole[name][: len(whole[name]) // 2]
    if name == "song.aac":  # has no length that it could fall short of
        assert seconds_of(name, half) == pytest.approx(6.0, abs=0.5)
        return
    with pytest.raises(TruncatedError):
        seconds_of(name, half)


@pytest.mark.parametrize("name", ["song.mp3", "song.flac", "song.opus", "song.m4a", "alac.m4a", "song.wv"])
def test_a_file_that_opens_and_fails_in_the_middle_is_damaged(whole, seconds_of, name):
    content = bytearray(whole[name])
    hole = slice(len(content) * 4 // 10, len(content) * 6 // 10)
    content[hole] = bytes(hole.stop - hole.start)
    with pytest.raises(DamagedError, match=r"damaged|cannot be (decoded|read)"):
        seconds_of(name, content)


@pytest.mark.parametrize("junk", [500, 3_000, 20_000])
def test_junk_between_the_frames_of_an_mp3_is_passed_over(whole, seconds_of, junk):
    content, middle = whole["song.mp3"], len(whole["song.mp3"]) // 2
    noise = np.random.default_rng(0).bytes(junk)
    assert seconds_of("song.mp3", content[:middle] + noise + content[middle:]) == pytest.approx(12.0, abs=0.5)


def xing(content: bytes) -> int:
    return max(content.find(b"Xing"), content.find(b"Info"))


LENGTHS: dict[str, tuple[str, Callable[[bytes, float], bytes]]] = {
    "mp3": ("song.mp3", lambda b, times: with_number(b, xing(b) + 8, 4, times)),
    "flac": ("song.flac", lambda b, times: with_number(b, 22, 4, times)),
    "wav": ("song.wav", lambda b, times: with_number(b, b.find(b"data") + 4, 4, times, "little")),
    "wavpack": ("song.wv", lambda b, times: with_number(b, 12, 4, times, "little")),
    "matroska": (
        "song.mka",
        lambda b, times: (
            b[: (at := b.find(b"\x44\x89\x88") + 3)]
            + struct.pack(">d", struct.unpack(">d", b[at : at + 8])[0] * times)
            + b[at + 8 :]
        ),
    ),
}


@pytest.mark.parametrize("kind", LENGTHS)
def test_a_length_that_is_too_long_is_found_out(whole, seconds_of, kind):
    name, lie = LENGTHS[kind]
    with pytest.raises(DamagedError if kind == "mp3" else TruncatedError, match="header says"):
        seconds_of(name, lie(whole[name], 3))


@pytest.mark.parametrize("kind", LENGTHS)
def test_of_a_length_that_is_too_short_so_much_is_decoded(whole, seconds_of, kind):
    name, lie = LENGTHS[kind]
    assert seconds_of(name, lie(whole[name], 0.5)) == pytest.approx(6.0, abs=0.1)


@pytest.mark.parametrize("kind", ["flac", "wavpack", "matroska"])
def test_a_length_that_no_song_has_is_counted(whole, seconds_of, kind):
    name, lie = LENGTHS[kind]
    assert seconds_of(name, lie(whole[name], 0.1)) == pytest.approx(12.0, abs=0.3)


@pytest.mark.parametrize("kind", ["flac", "wav", "wavpack", "matroska"])
def test_a_length_that_is_missing_is_counted(whole, seconds_of, kind):
    name, lie = LENGTHS[kind]
    assert seconds_of(name, lie(whole[name], 0)) == pytest.approx(12.0, abs=0.3)


def test_a_wma_whose_length_is_missing_is_counted(whole, seconds_of):
    properties = whole["song.wma"].find(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))
    assert seconds_of(
        "song.wma", with_number(whole["song.wma"], properties + 64, 8, 0, "little")
    ) == pytest.approx(12.0, abs=0.2)


@pytest.mark.parametrize("times", [0, 0.5, 3])
def test_the_length_of_an_m4a_is_that_of_its_packets_whatever_else_it_says(whole, seconds_of, times):
    assert seconds_of(
        "song.m4a", with_number(whole["song.m4a"], whole["song.m4a"].find(b"mvhd") + 20, 4, times)
    ) == (pytest.approx(12.0, abs=0.1))


def test_an_mp3_to_which_another_was_added_is_decoded_in_its_real_length(whole, seconds_of):
    frames = whole["song.mp3"][xing(whole["song.mp3"]) :]
    both = whole["song.mp3"] + frames[frames.find(b"\xff\xf3") :]
    assert seconds_of("song.mp3", both) == pytest.approx(24.0, abs=0.3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e20])
@pytest.mark.parametrize(("name", "codec"), [("song.wav", "pcm_f32le"), ("song.mka", "pcm_f32le")])
def test_samples_that_are_no_numbers_are_said_to_be_none(tmp_path, name, codec, value):
    samples = audio_files.music(6.0, sample_rate_hz=RATE)
    samples[50_000] = value
    path = audio_files.write_audio(tmp_path / name, samples, sample_rate_hz=RATE, codec=codec)
    with pytest.raises(InvalidSamplesError, match="not numbers"):
        load_excerpt(str(path))


def test_a_song_that_does_not_fit_into_memory_as_a_whole_is_refused_before_the_work(tmp_path):
    path = tmp_path / "song.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(8_000)
    header = bytearray(path.read_bytes())
    header[40:44] = (3 * 3_600 * 8_000).to_bytes(4, "little")
    path.write_bytes(header)
    os.truncate(path, len(header) + 3 * 3_600 * 8_000)
    with pytest.raises(
        TooLongError, match=r"lasts 180 minutes, and up to 51 can be analysed as a whole; choose 30 seconds"
    ):
        load_excerpt(str(path), Excerpt.WHOLE)


@pytest.mark.parametrize("name", NAMES)
def test_a_song_of_four_seconds_is_too_short_in_every_format(tmp_path, name):
    rate = 48_000 if name == "song.opus" else RATE
    samples = audio_files.music(4.0, sample_rate_hz=rate, channels=1)
    codec = "alac" if name == "alac.m4a" else None
    path = audio_files.write_audio(tmp_path / name, samples, sample_rate_hz=rate, codec=codec)
    with pytest.raises(TooShortError, match=r"4\.\d s"):
        load_excerpt(str(path))


# What libsndfile, mpg123, FFmpeg and the system say of files, in whatever words around it.
FOREIGN = re.compile(
    r"psf_|errno|argument|operation|input|libsnd|supported|unimplemented|patches|I/O|\bfailed\b|avcodec|0x|[<>\[\]{}]"
    r"|unknown error|unspecified|malformed|lost sync|No such file|denied|Error",
    re.IGNORECASE,
)


def test_what_is_said_of_a_broken_file_is_said_in_words_for_people(tmp_path):
    said: list[ServiceError] = []
    names = ("flac", "mp3", "wav", "aiff", "ogg", "opus", "m4a", "aac", "wma", "wv", "mka")
    files = [each for each in sources(tmp_path) if each[0].rpartition(".")[2] in names]
    for name, content in [
        *mutated(files, 300),
        ("gone.mp3", None),
        ("song.mid", b"MThd\0\0\0\x06" + bytes(99)),
    ]:
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        try:
            extract(str(path), with_fma=False)
        except ServiceError as error:
            said.append(error)
    assert len({type(error) for error in said}) >= 5
    for message in map(str, said):
        assert not FOREIGN.search(message), message
        assert not re.search(r"\bno\b.*, and no\b", message), f"one thing is said twice: {message}"
    # The library's own words are kept for the log.
    assert {NotAudioError, AudioNotFoundError} <= {
        type(error) for error in said if getattr(error, "detail", "")
    }


def test_no_file_stays_open_and_nothing_is_printed_however_it_is_broken(whole, seconds_of, capfd):
    before = os.listdir("/proc/self/fd")
    rng = np.random.default_rng(0)
    for name, content in whole.items():
        for share in (0.02, 0.3, 0.6):
            broken = bytearray(content)
            at = int(len(content) * share)
            broken[at : at + 2_000] = rng.bytes(2_000)
            for damaged in (broken, content[:at], content[at:]):
                try:
                    seconds_of(name, damaged)
                except ServiceError:
                    continue
    assert len(os.listdir("/proc/self/fd")) == len(before)
    assert capfd.readouterr() == ("", "")
