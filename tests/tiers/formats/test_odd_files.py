"""Files as owners have them: valid ones in uncommon clothes are decoded, and what is refused is named rightly."""

import struct
from pathlib import Path

import audio_files
import av
import numpy as np
import pytest
import soundfile
from features.audio.decode import load_excerpt
from features.errors import FeatureError, NotAudioError

RATE = 22_050


def muxed(path: Path, codec: str, container_format: str, *, sample_rate_hz: int) -> Path:
    """Music of 12 s in a container that has no encoder of its own."""
    samples = audio_files.music(12.0, sample_rate_hz=sample_rate_hz)
    with av.open(str(path), "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=sample_rate_hz, layout="stereo")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate = sample_rate_hz
        context = stream.codec_context
        resampler = av.AudioResampler(format=context.format, layout="stereo", rate=sample_rate_hz)
        for part in (*resampler.resample(frame), None):
            container.mux(stream.encode(part))
    return path


def wav(samples: bytes, *, rate: int = 48_000, channels: int = 2) -> bytes:
    layout = struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    return b"RIFF\xff\xff\xff\xffWAVEfmt " + layout + b"data" + struct.pack("<I", len(samples)) + samples


def dsdiff(seconds: int, rate: int) -> bytes:
    """A tone of one bit, as it is ripped from a Super Audio CD."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return kind + struct.pack(">Q", len(content)) + content

    kind = chunk(b"CMPR", b"DSD \x0enot compressed\0")
    about = b"SND " + chunk(b"FS  ", struct.pack(">I", rate)) + chunk(b"CHNL", b"\0\x02SLFTSRGT") + kind
    period = (b"\xff\xff\xf7\xf7" * 100 + b"\x08\x08\x00\x00" * 100) * 4
    sound = period * (rate * 2 * seconds // 8 // len(period))
    body = b"DSD " + chunk(b"FVER", b"\1\5\0\0") + chunk(b"PROP", about) + chunk(b"DSD ", sound)
    return b"FRM8" + struct.pack(">Q", len(body)) + body


def test_surround_sound_in_a_wav_is_decoded_and_not_taken_for_the_noise_that_its_bytes_are(tmp_path):
    plain = muxed(tmp_path / "song.ac3", "ac3", "ac3", sample_rate_hz=48_000)
    with (
        av.open(str(plain)) as source,
        av.open(str(tmp_path / "spdif"), "w", format="spdif") as target,
    ):
        stream = target.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    (tmp_path / "song.wav").write_bytes(wav((tmp_path / "spdif").read_bytes()))
    decoded, packed = (load_excerpt(str(tmp_path / name)) for name in ("song.ac3", "song.wav"))
    assert packed.properties.codec == "ac3"
    samples = min(decoded.y.size, packed.y.size) - RATE
    assert np.corrcoef(decoded.y[:samples], packed.y[:samples])[0, 1] > 0.99


def shorten(samples: np.ndarray, rate: int) -> bytes:
    """Mono samples as live recordings were traded: differences of nothing, in Rice codes of 14 bits."""
    bits: list[str] = []

    def code(value: int, size: int) -> None:
        bits.append("0" * (value >> size) + "1" + (f"{value & ((1 << size) - 1):0{size}b}" if size else ""))

    def number(value: int) -> None:
        size = value.bit_length()
        code(size, 2)
        code(value, size)

    block = 256
    whole = (samples[: len(samples) // block * block] * 32_767).astype(int)
    for value in (
        5,
        1,
        block,
        0,
        0,
        0,
    ):  # 16 bits, channels, length of a block, no prediction, no mean, nothing skipped
        number(value)
    header = wav(b"", rate=rate, channels=1)
    code(9, 2)
    code(len(header), 5)
    for byte in header:
        code(byte, 8)
    for start in range(0, len(whole), block):
        code(0, 2)
        code(13, 3)
        for value in whole[start : start + block]:
            code(value << 1 if value >= 0 else (~value << 1) | 1, 14)
    code(4, 2)
    text = "".join(bits)
    text += "0" * (-len(text) % 32)
    return b"ajkg\x02" + int(text, 2).to_bytes(len(text) // 8)


def correlation(decoded: np.ndarray, samples: np.ndarray, rate: int) -> float:
    """Of the spectra up to 3 kHz of what was decoded and what was written."""
    found, wanted = (
        np.abs(np.fft.rfft(y[: 11 * hz]))[: 11 * 3_000] for y, hz in ((decoded, RATE), (samples, rate))
    )
    return float(np.corrcoef(found, wanted)[0, 1])


OTHER_CONTAINERS = (
    ("film.avi", "avi", "libmp3lame"), ("film.avi", "avi", "pcm_s16le"), ("film.mpg", "mpeg", "mp2"),
    ("film.vob", "vob", "ac3"), ("film.ts", "mpegts", "aac"), ("film.ts", "mpegts", "mp2"), ("film.flv", "flv", "aac"),
    ("film.flv", "flv", "libmp3lame"), ("song.rm", "rm", "ac3"), ("song.voc", "voc", "pcm_s16le"),
    ("song.au", "au", "pcm_s16be"), ("song.sox", "sox", "pcm_s32le"), ("song.nut", "nut", "pcm_s16le"),
    ("song.loas", "latm", "aac"),
)  # fmt: skip


@pytest.mark.parametrize(("name", "container_format", "codec"), OTHER_CONTAINERS)
def test_sound_is_decoded_from_films_and_from_uncommon_files(tmp_path, name, container_format, codec):
    path = muxed(tmp_path / name, codec, container_format, sample_rate_hz=48_000)
    excerpt = load_excerpt(str(path))
    assert excerpt.properties.excerpt_duration_seconds == pytest.approx(12.0, abs=0.2)
    samples = audio_files.music(12.0, sample_rate_hz=48_000).mean(axis=1)
    assert correlation(excerpt.y, samples, 48_000) > 0.95


def test_sound_beside_pictures_of_which_ffmpeg_knows_no_rate_at_first_is_decoded(tmp_path):
    samples = audio_files.music(12.0, sample_rate_hz=48_000)
    with av.open(str(tmp_path / "film.ts"), "w", format="mpegts") as container:
        film = container.add_stream("mpeg1video", rate=25)
        film.width, film.height, film.pix_fmt = 64, 64, "yuv420p"
        sound = container.add_stream("mp2", rate=48_000, layout="stereo")
        for number in range(300):
            picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number % 255, np.uint8), format="rgb24")
            picture.pts = number
            container.mux(film.encode(picture.reformat(format="yuv420p")))
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate = 48_000
        resampler = av.AudioResampler(format=sound.codec_context.format, layout="stereo", rate=48_000)
        for part in (*resampler.resample(frame), None):
            container.mux(sound.encode(part))
    excerpt = load_excerpt(str(tmp_path / "film.ts"))
    assert (excerpt.properties.sample_rate_hz, excerpt.properties.channels) == (48_000, 2)
    assert excerpt.properties.excerpt_duration_seconds == pytest.approx(12.0, abs=0.2)


@pytest.mark.parametrize("suffix", ["ogg", "opus"])
@pytest.mark.parametrize("seconds", [(2.0, 40.0), (40.0, 2.0)], ids=["a jingle first", "a jingle behind"])
def test_of_ogg_files_in_a_row_all_are_counted(tmp_path, suffix, seconds):
    rate = 48_000 if suffix == "opus" else 44_100
    pieces = [
        audio_files.write_audio(
            tmp_path / f"{number}.{suffix}", audio_files.music(each, sample_rate_hz=rate), sample_rate_hz=rate
        ).read_bytes()
        for number, each in enumerate(seconds)
    ]
    (tmp_path / f"song.{suffix}").write_bytes(b"".join(pieces))
    properties = load_excerpt(str(tmp_path / f"song.{suffix}")).properties
    # A little of each file is the encoder's own.
    assert properties.duration_seconds == pytest.approx(42.0, abs=1.5)
    assert properties.excerpt_duration_seconds == pytest.approx(30.0, abs=0.1)


@pytest.mark.parametrize("kilobits", [(320, 32), (32, 320)], ids=["loud first", "quiet first"])
@pytest.mark.parametrize("seconds", [(1.0, 8.0), (2.0, 60.0)])
def test_the_length_of_an_mp3_of_changing_bit_rate_without_a_header_is_counted(tmp_path, kilobits, seconds):
    untold = {"write_xing": "0", "id3v2_version": "0"}
    pieces = [
        audio_files.write_audio(
            tmp_path / "piece.mp3", audio_files.music(each), bit_rate=rate * 1_000, container_options=untold
        ).read_bytes()
        for rate, each in zip(kilobits, seconds, strict=True)
    ]
    (tmp_path / "song.mp3").write_bytes(b"".join(pieces))
    properties = load_excerpt(str(tmp_path / "song.mp3")).properties
    assert properties.duration_seconds == pytest.approx(sum(seconds), abs=0.3)


@pytest.mark.parametrize("kind", ["VOC", "NIST", "IRCAM", "PVF", "AVR", "SVX", "PAF"])
def test_sound_is_decoded_from_the_files_of_old_studios(tmp_path, kind):
    samples = audio_files.music(12.0, channels=1)
    soundfile.write(tmp_path / "song.bin", samples, 44_100, format=kind, subtype="PCM_16")
    excerpt = load_excerpt(str(tmp_path / "song.bin"))
    assert excerpt.properties.excerpt_duration_seconds == pytest.approx(12.0, abs=0.2)
    assert correlation(excerpt.y, samples[:, 0], 44_100) > 0.95


def test_a_live_recording_in_shorten_is_decoded(tmp_path):
    samples = audio_files.music(12.0, sample_rate_hz=8_000, channels=1)[:, 0]
    (tmp_path / "song.shn").write_bytes(shorten(samples, 8_000))
    excerpt = load_excerpt(str(tmp_path / "song.shn"))
    assert excerpt.properties.duration_seconds == pytest.approx(12.0, abs=0.1)
    assert correlation(excerpt.y, samples, 8_000) > 0.95


@pytest.mark.parametrize("times", [1, 4, 8], ids=["DSD64", "DSD256", "DSD512"])
def test_one_bit_sound_of_every_rate_is_decoded(tmp_path, times):
    (tmp_path / "song.dff").write_bytes(dsdiff(6, 2_822_400 * times))
    properties = load_excerpt(str(tmp_path / "song.dff")).properties
    assert (properties.channels, properties.sample_rate_hz) == (2, 352_800 * times)
    assert properties.excerpt_duration_seconds == pytest.approx(6.0, abs=0.1)


@pytest.mark.parametrize(
    ("beginning", "says"),
    [
        (b"OFR \x0f\0\0\0", "is of the format OptimFROG, which cannot be decoded here; convert it to FLAC"),
        (b"IMPM", "is a tracker's module, the notes of a song, and no audio"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7-Zip archive, and no audio"),
    ],
)
def test_what_cannot_be_decoded_is_named_with_what_to_do(tmp_path, beginning, says):
    (tmp_path / "song.mp3").write_bytes(beginning + np.random.default_rng(4).bytes(100_000))
    with pytest.raises(NotAudioError, match=says):
        load_excerpt(str(tmp_path / "song.mp3"))


def test_music_behind_many_zeros_is_not_called_nothing_but_zeros(tmp_path):
    song = audio_files.song(tmp_path, "mp3", seconds=12.0).read_bytes()
    (tmp_path / "zeros.mp3").write_bytes(bytes(2_000_000) + song)
    assert load_excerpt(str(tmp_path / "zeros.mp3")).properties.excerpt_duration_seconds > 11


def test_a_wav_of_any_number_for_its_codec_is_refused_with_a_sentence(tmp_path):
    whole = bytearray(wav(np.random.default_rng(1).bytes(600_000)))
    for number in (0xFF, 0xA106, 0xFEFE, 0x00FF):
        whole[20:22] = struct.pack("<H", number)
        (tmp_path / "song.wav").write_bytes(whole)
        with pytest.raises(FeatureError):
            load_excerpt(str(tmp_path / "song.wav"))
