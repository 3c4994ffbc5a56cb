"""The sixteen genres as recipes: between which bounds the songs of a genre move."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from standalone.demo_library.tables import load_table

Range = tuple[float, float]

GENRES = (
    "Blues", "Country", "Electronic", "Folk", "International", "Jazz", "Latin", "New Age",
    "Pop_Rock", "Rap", "Reggae", "RnB", "Vocal", "K-Pop", "Anime", "Lo-Fi",
)  # fmt: skip

NEIGHBOURS: dict[str, tuple[str, ...]] = {
    "Blues": ("Jazz", "Country"),
    "Country": ("Folk", "Pop_Rock"),
    "Electronic": ("K-Pop",),
    "Folk": ("Country", "Vocal"),
    "International": ("Folk",),
    "Jazz": ("Blues", "Vocal"),
    "Latin": ("Jazz", "International"),
    "New Age": ("Vocal",),
    "Pop_Rock": ("Anime", "Country"),
    "Rap": ("RnB", "Lo-Fi"),
    "Reggae": ("Latin",),
    "RnB": ("Rap", "Lo-Fi"),
    "Vocal": ("New Age", "Folk"),
    "K-Pop": ("Electronic", "RnB", "Anime"),
    "Anime": ("Pop_Rock", "K-Pop"),
    "Lo-Fi": ("RnB", "Rap"),
}
"""Genres from which an artist of a genre may borrow."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A genre. Lists are choices, pairs are ranges."""

    tempo: Range
    """Beats a minute."""
    grooves: tuple[str, ...]
    progressions: tuple[str, ...]
    scales: tuple[str, ...]
    """Scales of the melody."""
    kits: tuple[str, ...]
    bass: tuple[str, ...]
    comp: tuple[str, ...]
    """Instruments that accompany by the groove."""
    pad: tuple[str, ...] = ()
    """Instruments that hold the chords below."""
    lead: tuple[str, ...]
    lead_style: str = "melody"
    """`melody` in phrases, `riff` repeated bar by bar, or `speech` on nearly one pitch."""
    lead_octave: int = 0
    """How many octaves above the usual the lead plays."""
    density: Range
    """How likely the lead starts a note on a step."""
    levels: Mapping[str, float]
    """Loudness of each part in dB."""
    pump: Range = (0.0, 0.0)
    """How far the kick pushes the rest down, 0 to 1."""
    crackle_dbfs: Range | None = None
    """Loudness of a record's crackle, where there is one."""
    keys: tuple[str, ...]
    """Tonics that lie well under the hands of this genre's players."""
    tone_db: tuple[float, float, float]
    """How its records are tuned: gain of the lows, the middle and the highs."""
    noise_dbfs: Range
    """Noise of the tape and the room."""
    lowpass_hz: Range = (15000.0, 19000.0)
    """Where the highs end."""
    reverb_seconds: Range
    """Time in which the room falls silent."""
    reverb_level: Range = (0.08, 0.3)
    """Level of the room."""
    loudness_dbfs: Range
    """Root mean square of the song."""


@cache
def recipes() -> dict[str, Recipe]:
    """Every genre's recipe."""
    return {name: Recipe(**_frozen(fields)) for name, fields in load_table("genres").items()}


def _frozen(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
