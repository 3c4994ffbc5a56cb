"""Sound files of every codec, changed at random in the ways of disks, copies and tools, and in worse ones."""

from collections.abc import Callable, Iterator
from pathlib import Path

import audio_files
import numpy as np

Rng = np.random.Generator
# Small ones, so that thousands are decoded in a minute; long enough to be accepted.
SOURCES = {
    "a.mp3": {},
    "a.flac": {},
    "a.wav": {},
    "float.wav": {"codec": "pcm_f32le"},
    "a.aiff": {},
    "a.ogg": {},
    "a.opus": {},
    "a.m4a": {},
    "alac.m4a": {"codec": "alac"},
    "a.aac": {},
    "a.wma": {},
    "a.wv": {},
    "a.mka": {},
    "aac.mka": {"codec": "aac"},
}
# Where headers lie.
HEAD = 512
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)


def sources(folder: Path) -> list[tuple[str, bytes]]:
    """Name and content of a sound file of each codec, 6 s long."""
    files = []
    for name, options in SOURCES.items():
        rate = 48_000 if name == "a.opus" else 22_050 if "wma" in name else 11_025
        samples = audio_files.music(6.0, sample_rate_hz=rate, channels=1)
        path = audio_files.write_audio(
            folder / name, samples, sample_rate_hz=rate, bit_rate=48_000, **options
        )
        files.append((name, path.read_bytes()))
    return files


def mutated(files: list[tuple[str, bytes]], count: int) -> Iterator[tuple[str, bytes]]:
    """The first `count` of an endless row of broken files, the same each time: name and content."""
    for number in range(count):
        rng = np.random.default_rng(number)
        name, content = files[number % len(files)]
        changed = bytearray(content)
        for _ in range(int(rng.integers(1, 4))):
            change = CHANGES[int(rng.integers(len(CHANGES)))]
            change(changed, rng, files)
        yield f"{number}-{name}", bytes(changed)


def _place(content: bytearray, rng: Rng) -> int:
    """Somewhere in the file; in its first part half of the times."""
    end = min(HEAD, len(content)) if rng.random() < 0.5 else len(content)
    return int(rng.integers(end)) if end else 0


def _size(rng: Rng) -> int:
    return int(2 ** rng.uniform(0, 14))


def _flip_bits(content: bytearray, rng: Rng, _: object) -> None:
    for _turn in range(int(rng.integers(1, 40))):
        if content:
            content[_place(content, rng)] ^= 1 << int(rng.integers(8))


def _write_extreme(content: bytearray, rng: Rng, _: object) -> None:
    at, width = _place(content, rng), int(rng.choice([1, 2, 4, 8]))
    value = EXTREMES[int(rng.integers(len(EXTREMES)))] & (256**width - 1)
    content[at : at + width] = value.to_bytes(width, "big" if rng.random() < 0.5 else "little")


def _write_noise(content: bytearray, rng: Rng, _: object) -> None:
    at, size = _place(content, rng), _size(rng)
    content[at : at + size] = rng.bytes(size)


def _write_zeros(content: bytearray, rng: Rng, _: object) -> None:
    at, size = _place(content, rng), _size(rng)
    content[at : at + size] = bytes(size)


def _cut_off(content: bytearray, rng: Rng, _: object) -> None:
    del content[_place(content, rng) :]


def _cut_out(content: bytearray, rng: Rng, _: object) -> None:
    at = _place(content, rng)
    del content[at : at + _size(rng)]


def _repeat(content: bytearray, rng: Rng, _: object) -> None:
    at, size = _place(content, rng), _size(rng)
    content[at:at] = content[at : at + size] * int(rng.integers(1, 4))


def _insert_noise(content: bytearray, rng: Rng, _: object) -> None:
    at = _place(content, rng)
    content[at:at] = rng.bytes(_size(rng))


def _splice(content: bytearray, rng: Rng, files: list[tuple[str, bytes]]) -> None:
    """The beginning of one file, the rest of another."""
    other = files[int(rng.integers(len(files)))][1]
    content[_place(content, rng) :] = other[int(rng.integers(len(other))) :]


# What keeps a file's length comes more often: the decoders see what the first look at the file lets pass.
CHANGES: list[Callable[[bytearray, Rng, list[tuple[str, bytes]]], None]] = [
    *[_flip_bits, _write_extreme, _write_noise] * 4,
    _write_zeros,
    _cut_off,
    _cut_out,
    _repeat,
    _insert_noise,
    _splice,
]
