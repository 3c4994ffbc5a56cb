"""Decoding: the right 30 seconds of every codec, and a clear error for everything that is no song."""

from pathlib import Path

import audio_files
import av
import librosa
import numpy as np
import pytest
import soundfile
from features.audio.decode import NATIVE, SAMPLE_RATE_HZ, load_excerpt
from features.audio.excerpts import Excerpt, excerpt_span
from features.errors import NotAudioError, SilentError, TooShortError, TruncatedError
from mutagen.flac import FLAC, Picture
from mutagen.id3 import APIC, ID3, TIT2
from mutagen.mp4 import MP4, MP4Cover

CODECS = {"mp3": "mp3", "flac": "flac", "ogg": "vorbis", "opus": "opus", "m4a": "aac", "wav": "pcm_s16le"}
PICTURE = b"\xff\xd8\xff\xe0" + bytes(200_000) + b"\xff\xd9"


def copied(path: Path, folder: Path, name: str | None = None) -> Path:
    copy = folder / (name or path.name)
    copy.write_bytes(path.read_bytes())
    return copy


def spectrum(y: np.ndarray) -> np.ndarray:
    return np.abs(np.fft.rfft(y))[: 5000 * y.size // SAMPLE_RATE_HZ]


@pytest.mark.parametrize("suffix", audio_files.SUFFIXES)
def test_the_excerpt_is_the_middle_half_minute(songs, suffix):
    excerpt = load_excerpt(str(songs[suffix]))
    assert excerpt.y.shape == (30 * SAMPLE_RATE_HZ,)
    assert excerpt.y.dtype == np.float32
    assert excerpt.properties.codec == CODECS[suffix]
    assert excerpt.properties.channels == 2
    assert excerpt.properties.sample_rate_hz == (48_000 if suffix == "opus" else 44_100)
    assert excerpt.properties.size_bytes == songs[suffix].stat().st_size
    # Lossy codecs add up to two frames of padding.
    assert excerpt.properties.duration_seconds == pytest.approx(40.0, abs=0.1)
    assert excerpt.properties.excerpt_start_seconds == pytest.approx(5.0, abs=0.05)
    assert excerpt.properties.excerpt_duration_seconds == pytest.approx(30.0, abs=0.01)
    same = np.corrcoef(spectrum(excerpt.y), spectrum(load_excerpt(str(songs["wav"])).y))[0, 1]
    assert same > 0.98


def test_a_lossless_excerpt_is_the_half_sum_of_the_channels_to_the_sample(tmp_path):
    samples = audio_files.music(31.0, sample_rate_hz=SAMPLE_RATE_HZ)
    soundfile.write(tmp_path / "song.wav", samples, SAMPLE_RATE_HZ, subtype="FLOAT")
    y = load_excerpt(str(tmp_path / "song.wav")).y
    middle = samples[SAMPLE_RATE_HZ // 2 :][: 30 * SAMPLE_RATE_HZ]
    np.testing.assert_array_equal(y, (middle[:, 0] + middle[:, 1]) / 2)


@pytest.mark.parametrize("suffix", ["wav", "m4a", "opus"])
def test_one_decoding_gives_every_rate_that_is_asked_for(songs, suffix):
    excerpt = load_excerpt(str(songs[suffix]), rates=(SAMPLE_RATE_HZ, 24_000, NATIVE))
    native = 48_000 if suffix == "opus" else 44_100
    assert {rate: y.size for rate, y in excerpt.at.items()} == {
        SAMPLE_RATE_HZ: 30 * SAMPLE_RATE_HZ,
        24_000: 30 * 24_000,
        NATIVE: 30 * native,
    }
    for rate in (SAMPLE_RATE_HZ, 24_000):
        expected = librosa.resample(excerpt.at[NATIVE], orig_sr=native, target_sr=rate, res_type="soxr_hq")
        # librosa rounds the length up even where it is whole.
        np.testing.assert_array_equal(excerpt.at[rate], expected[: excerpt.at[rate].size])
    assert excerpt.y is excerpt.at[SAMPLE_RATE_HZ]


def test_what_is_decoded_in_many_blocks_is_what_is_decoded_in_one(tmp_path, monkeypatch):
    path = audio_files.song(tmp_path, "wav", seconds=8.0)
    whole = load_excerpt(str(path), rates=(SAMPLE_RATE_HZ, NATIVE))
    monkeypatch.setattr("features.audio.stream.BLOCK_VALUES", 20_002)
    blocks = load_excerpt(str(path), rates=(SAMPLE_RATE_HZ, NATIVE))
    for rate in (SAMPLE_RATE_HZ, NATIVE):
        np.testing.assert_array_equal(blocks.at[rate], whole.at[rate])


def test_aac_is_the_same_slice_of_the_whole_decoded_song_every_time(songs):
    with av.open(str(songs["m4a"])) as container:
        whole = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    excerpt = load_excerpt(str(songs["m4a"]))
    start = round(excerpt.properties.excerpt_start_seconds * 44_100)
    native = whole[:, start : start + 30 * 44_100].mean(axis=0)
    np.testing.assert_allclose(np.sqrt(np.mean(excerpt.y**2)), np.sqrt(np.mean(native**2)), rtol=0.01)
    np.testing.assert_array_equal(excerpt.y, load_excerpt(str(songs["m4a"])).y)


@pytest.mark.parametrize(
    ("frames", "span"), [(500, (0, 500)), (3_000, (0, 3_000)), (3_001, (0, 3_000)), (24_000, (10_500, 3_000))]
)
def test_the_span_lies_in_the_middle_and_inside(frames, span):
    assert excerpt_span(frames, 100) == span


@pytest.mark.parametrize(
    ("part", "frames", "span"),
    [
        (Excerpt.FIRST, 3_001, (0, 3_000)),
        (Excerpt.FIRST, 500, (0, 500)),
        (Excerpt.WHOLE, 24_000, (0, 24_000)),
        (Excerpt.MIDDLE, 24_000, (10_500, 3_000)),
    ],
)
def test_another_part_begins_and_ends_elsewhere(part, frames, span):
    assert excerpt_span(frames, 100, part) == span


@pytest.mark.parametrize("part", Excerpt)
def test_each_part_is_that_part_of_the_song(songs, part):
    whole = load_excerpt(str(songs["flac"]), Excerpt.WHOLE).y
    excerpt = load_excerpt(str(songs["flac"]), part)
    start = round(excerpt.properties.excerpt_start_seconds * SAMPLE_RATE_HZ)
    same = whole[start : start + len(excerpt.y)]
    # A resampler reads a little beyond the ends.
    inside = slice(1_000, -1_000)
    np.testing.assert_allclose(excerpt.y[inside], same[inside], atol=0.02)


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "opus", "wav"])
def test_a_song_of_five_seconds_is_taken_whole(tmp_path, suffix):
    y = load_excerpt(str(audio_files.song(tmp_path, suffix, seconds=5.0))).y
    assert y.size == pytest.approx(5 * SAMPLE_RATE_HZ, rel=0.02)


@pytest.mark.parametrize("suffix", ["mp3", "m4a", "ogg", "wav"])
def test_a_song_under_five_seconds_is_too_short(tmp_path, suffix):
    with pytest.raises(TooShortError, match=r"4\.\d s"):
        load_excerpt(str(audio_files.song(tmp_path, suffix, seconds=4.0)))


@pytest.mark.parametrize(
    ("suffix", "channels"), [("flac", 1), ("m4a", 1), ("mp3", 1), ("m4a", 6), ("wav", 6)]
)
def test_mono_and_surround_become_one_channel(tmp_path, suffix, channels):
    samples = audio_files.music(6.0, channels=channels)
    excerpt = load_excerpt(str(audio_files.write_audio(tmp_path / f"song.{suffix}", samples)))
    assert excerpt.properties.channels == channels
    assert excerpt.y.ndim == 1


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "FLOAT", "DOUBLE"])
def test_wav_of_any_depth_is_read(tmp_path, subtype):
    soundfile.write(tmp_path / "song.wav", audio_files.music(6.0), 44_100, subtype=subtype)
    excerpt = load_excerpt(str(tmp_path / "song.wav"))
    assert excerpt.properties.codec == {"PCM_U8": "pcm_u8", "PCM_24": "pcm_s24le", "FLOAT": "pcm_f32le"}.get(
        subtype, "pcm_f64le"
    )


def test_an_mp3_without_a_length_in_its_header_is_read(tmp_path):
    path = audio_files.write_audio(
        tmp_path / "song.mp3",
        audio_files.music(12.0),
        container_options={"write_xing": "0", "id3v2_version": "0"},
    )
    assert b"Xing" not in path.read_bytes()[:4096]
    assert load_excerpt(str(path)).properties.duration_seconds == pytest.approx(12.0, abs=0.1)


@pytest.mark.parametrize("suffix", audio_files.SUFFIXES)
def test_a_file_that_ends_within_the_excerpt_is_truncated(songs, tmp_path, suffix):
    half = audio_files.cut(copied(songs[suffix], tmp_path), 0.5)
    with pytest.raises(TruncatedError, match="copy or rip it again"):
        load_excerpt(str(half))


@pytest.mark.parametrize("suffix", audio_files.SUFFIXES)
def test_an_end_that_is_missing_behind_the_excerpt_costs_nothing(songs, tmp_path, suffix):
    nearly = audio_files.cut(copied(songs[suffix], tmp_path), 0.92)
    if suffix == "m4a":  # without its index at the end nothing of it can be read
        with pytest.raises(TruncatedError):
            load_excerpt(str(nearly))
        return
    there, whole = load_excerpt(str(nearly)), load_excerpt(str(songs[suffix]))
    if suffix in ("ogg", "opus"):  # which do not say how long they should be
        assert there.properties.duration_seconds == pytest.approx(40 * 0.92, abs=1.5)
        return
    assert there.properties.duration_seconds == pytest.approx(40.0, abs=0.1)
    np.testing.assert_array_equal(there.y, whole.y)
    for part in (Excerpt.FIRST, Excerpt.WHOLE):
        if part is Excerpt.FIRST:
            np.testing.assert_array_equal(
                load_excerpt(str(nearly), part).y, load_excerpt(str(songs[suffix]), part).y
            )
            continue
        with pytest.raises(TruncatedError):
            load_excerpt(str(nearly), part)


def test_half_an_m4a_with_its_index_in_front_is_truncated(tmp_path):
    path = audio_files.write_audio(
        tmp_path / "song.m4a", audio_files.music(12.0), container_options={"movflags": "faststart"}
    )
    assert path.read_bytes().find(b"moov") < path.read_bytes().find(b"mdat")
    load_excerpt(str(path))
    with pytest.raises(TruncatedError):
        load_excerpt(str(audio_files.cut(path)))


def test_an_mp3_that_lost_its_last_frames_is_read_without_a_word_on_stderr(songs, tmp_path, capfd):
    whole = songs["mp3"].read_bytes()
    path = tmp_path / "nearly.mp3"
    path.write_bytes(whole[: int(len(whole) * 0.985)])
    load_excerpt(str(path))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("suffix", audio_files.SUFFIXES)
def test_digital_silence_is_silent_in_every_codec(tmp_path, suffix):
    rate = 48_000 if suffix == "opus" else 44_100
    samples = audio_files.silence(6.0, sample_rate_hz=rate)
    path = audio_files.write_audio(tmp_path / f"song.{suffix}", samples, sample_rate_hz=rate)
    with pytest.raises(SilentError):
        load_excerpt(str(path))


def test_the_last_bits_of_sixteen_are_silence_and_quiet_music_is_none(tmp_path):
    samples = np.random.default_rng(0).integers(-1, 2, (6 * 44_100, 2)).astype(np.int16)
    soundfile.write(tmp_path / "dither.wav", samples, 44_100)
    with pytest.raises(SilentError, match="below -70 dB"):
        load_excerpt(str(tmp_path / "dither.wav"))
    quiet = audio_files.music(6.0) * 10 ** (-40 / 20)
    soundfile.write(tmp_path / "quiet.wav", quiet, 44_100)
    load_excerpt(str(tmp_path / "quiet.wav"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"This is a text, whatever its name says.\n" * 500,
        b"<!DOCTYPE html><html></html>",
        np.random.default_rng(0).bytes(100_000),
        bytes(100_000),
        PICTURE,
        b"ID3\x04\0\0\0\0\x10\0" + bytes(5_000),
    ],
    ids=["empty", "text", "html", "noise", "zeros", "picture", "only a tag"],
)
def test_what_is_no_audio_is_said_to_be_none(tmp_path, content):
    (tmp_path / "song.mp3").write_bytes(content)
    with pytest.raises(NotAudioError):
        load_excerpt(str(tmp_path / "song.mp3"))


HLS = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
CONCAT = "ffconcat version 1.0\nfile {}\n"


@pytest.mark.parametrize("playlist", [HLS, CONCAT], ids=["hls", "concat"])
def test_a_playlist_opens_no_other_file(songs, tmp_path, playlist):
    neighbour = copied(songs["m4a"], tmp_path)
    path = tmp_path / "list.mp3"
    path.write_text(playlist.format(neighbour.name))
    with pytest.raises(NotAudioError):
        load_excerpt(str(path))


def _picture_in_mp3(path: Path) -> None:
    tags = ID3()
    tags.add(TIT2(encoding=3, text="Title"))
    tags.add(APIC(encoding=3, mime="image/jpeg", type=3, desc="", data=PICTURE))
    tags.save(path)


def _picture_in_flac(path: Path) -> None:
    file, picture = FLAC(path), Picture()
    picture.data, picture.mime, picture.type = PICTURE, "image/jpeg", 3
    file.add_picture(picture)
    file.save()


def _picture_in_m4a(path: Path) -> None:
    file = MP4(path)
    file["covr"] = [MP4Cover(PICTURE, MP4Cover.FORMAT_JPEG)]
    file.save()


@pytest.mark.parametrize(
    ("suffix", "add_picture"),
    [("mp3", _picture_in_mp3), ("flac", _picture_in_flac), ("m4a", _picture_in_m4a)],
)
def test_a_cover_changes_nothing_of_what_is_decoded(songs, tmp_path, suffix, add_picture):
    path = copied(songs[suffix], tmp_path)
    add_picture(path)
    assert path.stat().st_size > songs[suffix].stat().st_size + 150_000
    np.testing.assert_array_equal(load_excerpt(str(path)).y, load_excerpt(str(songs[suffix])).y)
