"""The way to the excerpt in each format: a seek must not change what is decoded, nor rates, depths and channels."""

from pathlib import Path

import audio_files
import av
import numpy as np
import pytest
import soundfile
from features.audio.decode import NATIVE, DecodedExcerpt, load_excerpt
from features.audio.excerpts import Excerpt

RATE = 22_050
SECONDS = 36.0
# Everything but the noise that AAC has its decoder make up.
NO_PNS = {"aac_pns": "0"}
FORMATS = {
    "mp3": ("song.mp3", {}),
    "flac": ("song.flac", {}),
    "flac behind a tag": ("tagged.flac", {}),
    "wav": ("song.wav", {}),
    "aiff": ("song.aiff", {}),
    "vorbis": ("song.ogg", {}),
    "opus": ("song.opus", {}),
    "aac": ("song.m4a", {"codec_options": NO_PNS}),
    "raw aac": ("song.aac", {"codec_options": NO_PNS}),
    "alac": ("alac.m4a", {"codec": "alac"}),
    "wma": ("song.wma", {}),
    "wavpack": ("song.wv", {}),
    "mp3 in matroska": ("song.mka", {}),
    "aac in matroska": ("aac.mka", {"codec": "aac"}),
    "pcm in matroska": ("pcm.mka", {"codec": "pcm_s16le"}),
}


@pytest.fixture(scope="module")
def formats(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same song in each format."""
    folder = tmp_path_factory.mktemp("formats")
    music = {rate: audio_files.music(SECONDS, sample_rate_hz=rate) for rate in (RATE, 48_000)}
    paths = {}
    for name, (file, options) in FORMATS.items():
        rate = 48_000 if name == "opus" else RATE
        path = audio_files.write_audio(folder / file, music[rate], sample_rate_hz=rate, **options)
        if name == "flac behind a tag":
            path.write_bytes(b"ID3\x04\0\0\0\0\x01\0" + bytes(128) + path.read_bytes())
        paths[name] = path
    return paths


def decoded(path: Path, part: Excerpt = Excerpt.MIDDLE) -> DecodedExcerpt:
    return load_excerpt(str(path), part, rates=(RATE, NATIVE))


def spectrum(y: np.ndarray) -> np.ndarray:
    """Up to 5 kHz."""
    y = y[: 5 * RATE] if y.size < 29 * RATE else y[: 29 * RATE]
    return np.abs(np.fft.rfft(y))[: y.size * 5_000 // RATE]


@pytest.mark.parametrize("name", FORMATS)
def test_the_middle_is_to_the_bit_that_of_the_song_decoded_in_order(formats, name):
    middle, whole = decoded(formats[name]), decoded(formats[name], Excerpt.WHOLE)
    start = round(middle.properties.excerpt_start_seconds * middle.properties.sample_rate_hz)
    assert start > middle.properties.sample_rate_hz * 2
    count = 30 * middle.properties.sample_rate_hz
    assert middle.at[NATIVE].size == count
    np.testing.assert_array_equal(middle.at[NATIVE], whole.at[NATIVE][start : start + count])


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_the_same_song(formats, name):
    same = np.corrcoef(spectrum(decoded(formats[name]).y), spectrum(decoded(formats["wav"]).y))[0, 1]
    assert same > 0.97


@pytest.mark.parametrize("name", FORMATS)
def test_a_wrong_extension_changes_nothing(formats, tmp_path, name):
    path = tmp_path / ("song.mp3" if formats[name].suffix != ".mp3" else "song.vox")
    path.symlink_to(formats[name])
    np.testing.assert_array_equal(decoded(path).y, decoded(formats[name]).y)


def test_noise_that_an_aac_decoder_makes_up_is_made_up_in_the_same_way_each_time(tmp_path):
    """The encoder may leave noise out and say how loud it was; where decoding begins decides what stands in for it."""
    path = tmp_path / "song.m4a"
    audio_files.write_audio(path, audio_files.music(SECONDS), bit_rate=256_000)
    one, another, whole = decoded(path), decoded(path), decoded(path, Excerpt.WHOLE)
    np.testing.assert_array_equal(one.at[NATIVE], another.at[NATIVE])
    start = round(one.properties.excerpt_start_seconds * 44_100)
    in_order = whole.at[NATIVE][start : start + one.at[NATIVE].size]
    difference = np.sqrt(np.mean((one.at[NATIVE] - in_order) ** 2) / np.mean(in_order**2))
    assert 0 < difference < 0.02


def test_where_a_seek_lands_on_damage_the_song_is_decoded_in_order(formats, tmp_path):
    expected = decoded(formats["alac"])
    target = int(expected.properties.excerpt_start_seconds) - 1
    with av.open(str(formats["alac"])) as container:
        (stream,) = container.streams.audio
        container.seek(int(target / stream.time_base), stream=stream)
        packet = next(container.demux(stream))
        damage = slice(packet.pos, packet.pos + packet.size)
    content = bytearray(formats["alac"].read_bytes())
    content[damage] = b"\xff" * (damage.stop - damage.start)
    (tmp_path / "song.m4a").write_bytes(content)
    damaged = decoded(tmp_path / "song.m4a")
    np.testing.assert_array_equal(damaged.at[NATIVE], expected.at[NATIVE])


@pytest.mark.parametrize("rate", [8_000, 11_025, 32_000, 96_000, 192_000])
@pytest.mark.parametrize("suffix", ["wav", "flac", "wv"])
def test_every_rate_is_decoded(tmp_path, suffix, rate):
    samples = audio_files.music(6.0, sample_rate_hz=rate, channels=1)
    excerpt = decoded(audio_files.write_audio(tmp_path / f"song.{suffix}", samples, sample_rate_hz=rate))
    assert (excerpt.properties.sample_rate_hz, excerpt.at[NATIVE].size) == (rate, 6 * rate)
    assert excerpt.y.size == 6 * RATE


@pytest.mark.parametrize("channels", [1, 2, 3, 5, 6, 8])
@pytest.mark.parametrize(("name", "codec"), [("song.flac", None), ("song.m4a", "aac"), ("song.wv", None)])
def test_one_to_eight_channels_become_one(tmp_path, name, codec, channels):
    samples = audio_files.music(6.0, sample_rate_hz=RATE, channels=channels)
    path = audio_files.write_audio(tmp_path / name, samples, sample_rate_hz=RATE, codec=codec)
    excerpt = decoded(path)
    assert excerpt.properties.channels == channels
    # AAC keeps of a channel for low frequencies nothing but those.
    same = np.corrcoef(spectrum(excerpt.y), spectrum(samples.mean(axis=1)))[0, 1]
    assert same > 0.98


@pytest.mark.parametrize(
    ("suffix", "subtype", "step"),
    [
        ("wav", "PCM_U8", 2**-7),
        ("wav", "PCM_16", 2**-15),
        ("wav", "PCM_24", 2**-23),
        ("wav", "PCM_32", 2**-24),
        ("wav", "FLOAT", 0),
        ("wav", "DOUBLE", 2**-24),
        ("aiff", "PCM_S8", 2**-7),
        ("aiff", "PCM_24", 2**-23),
        ("flac", "PCM_S8", 2**-7),
        ("flac", "PCM_24", 2**-23),
    ],
)
def test_samples_of_every_depth_keep_their_size(tmp_path, suffix, subtype, step):
    samples = audio_files.music(6.0, sample_rate_hz=RATE, channels=1)
    soundfile.write(tmp_path / f"song.{suffix}", samples, RATE, subtype=subtype)
    np.testing.assert_allclose(decoded(tmp_path / f"song.{suffix}").y, samples[:, 0], rtol=0, atol=step)


@pytest.mark.parametrize(
    ("name", "codec", "step"),
    [
        ("song.mka", "pcm_u8", 2**-7),
        ("song.mka", "pcm_s16le", 2**-15),
        ("song.mka", "pcm_s32le", 2**-24),
        ("song.mka", "pcm_f32le", 0),
        ("song.mka", "pcm_f64le", 2**-24),
        ("song.m4a", "alac", 2**-15),
        ("song.wv", "wavpack", 2**-7),
    ],
)
def test_samples_of_every_depth_keep_their_size_through_ffmpeg(tmp_path, name, codec, step):
    samples = audio_files.music(6.0, sample_rate_hz=RATE, channels=1)
    path = audio_files.write_audio(tmp_path / name, samples, sample_rate_hz=RATE, codec=codec)
    np.testing.assert_allclose(decoded(path).y, samples[:, 0], rtol=0, atol=step)
