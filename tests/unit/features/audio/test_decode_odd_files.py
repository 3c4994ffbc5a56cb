"""Files as owners have them: valid ones in uncommon clothes are decoded, and what is refused is named rightly."""

import struct
from pathlib import Path

import audio_files
import av
import numpy as np
import pytest
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


def wav(samples: bytes, *, rate: int = 48_000) -> bytes:
    layout = struct.pack("<IHHIIHH", 16, 1, 2, rate, rate * 4, 4, 16)
    return b"RIFF\xff\xff\xff\xffWAVEfmt " + layout + b"data" + struct.pack("<I", len(samples)) + samples


def dsdiff(seconds: int) -> bytes:
    """A tone of one bit, as it is ripped from a Super Audio CD."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return kind + struct.pack(">Q", len(content)) + content

    kind = chunk(b"CMPR", b"DSD \x0enot compressed\0")
    about = b"SND " + chunk(b"FS  ", struct.pack(">I", 2_822_400)) + chunk(b"CHNL", b"\0\x02SLFTSRGT") + kind
    period = (b"\xff\xff\xf7\xf7" * 100 + b"\x08\x08\x00\x00" * 100) * 4
    sound = period * (2_822_400 * 2 * seconds // 8 // len(period))
    body = b"DSD " + chunk(b"FVER", b"\1\5\0\0") + chunk(b"PROP", about) + chunk(b"DSD ", sound)
    return b"FRM8" + struct.pack(">Q", len(body)) + body


def test_a_rip_of_a_super_audio_cd_is_decoded(tmp_path):
    (tmp_path / "song.dff").write_bytes(dsdiff(6))
    properties = load_excerpt(str(tmp_path / "song.dff")).properties
    assert (properties.channels, properties.sample_rate_hz) == (2, 352_800)
    assert properties.excerpt_duration_seconds == pytest.approx(6.0, abs=0.1)


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


@pytest.mark.parametrize(("name", "codec"), [("film.avi", "libmp3lame"), ("film.mpg", "mp2")])
def test_a_file_of_another_kind_is_not_called_cut_off(tmp_path, name, codec):
    path = muxed(tmp_path / name, codec, "avi" if name.endswith("avi") else "mpeg", sample_rate_hz=44_100)
    with pytest.raises(NotAudioError, match="no audio that can be decoded"):
        load_excerpt(str(path))


def test_music_behind_many_zeros_is_not_called_nothing_but_zeros(tmp_path):
    song = audio_files.song(tmp_path, "mp3", seconds=12.0).read_bytes()
    (tmp_path / "zeros.mp3").write_bytes(bytes(2_000_000) + song)
    assert load_excerpt(str(tmp_path / "zeros.mp3")).properties.excerpt_duration_seconds > 11


@pytest.mark.parametrize("content", [b"\xff", b"\xfb\xff", np.random.default_rng(5).bytes(300_000)])
def test_noise_is_called_neither_a_text_nor_sound_of_no_channel(tmp_path, content):
    (tmp_path / "song.mp3").write_bytes(content)
    with pytest.raises(NotAudioError, match=r"holds no audio that can be decoded$"):
        load_excerpt(str(tmp_path / "song.mp3"))


def test_a_wav_of_any_number_for_its_codec_is_refused_with_a_sentence(tmp_path):
    whole = bytearray(wav(np.random.default_rng(1).bytes(600_000)))
    for number in (0xFF, 0xA106, 0xFEFE, 0x00FF):
        whole[20:22] = struct.pack("<H", number)
        (tmp_path / "song.wav").write_bytes(whole)
        with pytest.raises(FeatureError):
            load_excerpt(str(tmp_path / "song.wav"))
