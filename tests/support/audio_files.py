"""Real audio files of every codec, made on the spot: what tests hand to the services."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile

FloatArray = npt.NDArray[np.float32]

SUFFIXES = ("mp3", "flac", "ogg", "opus", "m4a", "wav")
"""One of each codec that has to be understood."""

_ENCODERS = {
    "mp3": "libmp3lame",
    "flac": "flac",
    "opus": "libopus",
    "m4a": "aac",
    "aac": "aac",
    "wav": "pcm_s16le",
    "wma": "wmav2",
    "wv": "wavpack",
    "mka": "libmp3lame",
}
_CONTAINERS = {"m4a": "ipod", "aac": "adts", "wma": "asf", "mka": "matroska"}
_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}


def music(seconds: float, *, sample_rate_hz: int = 44_100, channels: int = 2, seed: int = 1) -> FloatArray:
    """Chords, a beat and some noise [shape=(n, channels)] in [-1, 1]; another seed is another song."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * sample_rate_hz)) / sample_rate_hz
    root = 110.0 * 2 ** (rng.integers(0, 12) / 12)
    steps = np.array([0, 5, 7, 3])[(t / 2).astype(int) % 4]
    tones = sum(
        np.sin(2 * np.pi * root * 2 ** ((steps + k) / 12) * t) / (i + 2) for i, k in enumerate((0, 4, 7))
    )
    beat = np.exp(-(t % 0.5) * 30) * np.sin(2 * np.pi * 60 * t)
    noise = rng.standard_normal(t.size) * np.exp(-((t + 0.25) % 0.5) * 40)
    left = 0.3 * tones + 0.4 * beat + 0.05 * noise
    right = 0.25 * tones + 0.4 * beat - 0.05 * noise
    both = (left, right) if channels == 2 else ((left + right) / 2,) * channels
    return np.stack(both, axis=1).astype(np.float32)


def silence(seconds: float, *, sample_rate_hz: int = 44_100, channels: int = 2) -> FloatArray:
    """Digital silence [shape=(n, channels)]."""
    return np.zeros((round(seconds * sample_rate_hz), channels), dtype=np.float32)


def write_audio(
    path: Path,
    samples: FloatArray,
    *,
    sample_rate_hz: int = 44_100,
    bit_rate: int = 192_000,
    codec: str | None = None,
    container_options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
) -> Path:
    """Encode `samples` [shape=(n, channels)] by the path's suffix ("mp3", "flac", "ogg", ...) and return the path.

    Opus knows 48 kHz only: hand samples of that rate.
    """
    suffix = path.suffix.lstrip(".").lower()
    if suffix == "ogg" and codec is None:
        return _write_vorbis(path, samples, sample_rate_hz)
    if suffix == "aiff":
        soundfile.write(path, samples, sample_rate_hz)
        return path
    layout = _LAYOUTS[samples.shape[1]]
    with av.open(
        str(path), "w", format=_CONTAINERS.get(suffix), options=container_options or {}
    ) as container:
        stream = container.add_stream(
            codec or _ENCODERS[suffix], rate=sample_rate_hz, layout=layout, options=codec_options or {}
        )
        stream.bit_rate = bit_rate
        # Interleaved: PyAV miscounts the planes of eight channels.
        interleaved = np.ascontiguousarray(samples).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(interleaved, format="flt", layout=layout)
        frame.sample_rate = sample_rate_hz
        encoder_format = stream.codec_context.format or av.AudioFormat("fltp")
        resampler = av.AudioResampler(format=encoder_format, layout=layout, rate=sample_rate_hz)
        for part in (*resampler.resample(frame), None):
            container.mux(stream.encode(part))
    return path


def _write_vorbis(path: Path, samples: FloatArray, sample_rate_hz: int) -> Path:
    # FFmpeg's wheel holds no libvorbis; libsndfile does, and overruns its stack with long blocks.
    with soundfile.SoundFile(
        path, "w", sample_rate_hz, samples.shape[1], format="OGG", subtype="VORBIS"
    ) as sound:
        for start in range(0, len(samples), sample_rate_hz):
            sound.write(samples[start : start + sample_rate_hz])
    return path


def song(folder: Path, suffix: str, *, seconds: float = 40.0, seed: int = 1, name: str = "song") -> Path:
    """A song of `seconds` as `folder/name.suffix`, at the rate that its codec is used with."""
    sample_rate_hz = 48_000 if suffix == "opus" else 44_100
    samples = music(seconds, sample_rate_hz=sample_rate_hz, seed=seed)
    return write_audio(folder / f"{name}.{suffix}", samples, sample_rate_hz=sample_rate_hz)


def cut(path: Path, share: float = 0.5) -> Path:
    """A copy of the file that ends after this share of it."""
    whole = path.read_bytes()
    shorter = path.with_stem(f"{path.stem}-cut")
    shorter.write_bytes(whole[: int(len(whole) * share)])
    return shorter
