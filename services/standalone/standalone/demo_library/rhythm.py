"""Grooves: what drums, bass and accompaniment play on each step of a bar."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from standalone.demo_library.tables import load_table

LOUDNESS = {"X": 1.0, "x": 0.7, "o": 0.38}
"""How loud a stroke or a chord is, by its letter."""


@dataclass(frozen=True, kw_only=True)
class Onset:
    """Something that starts in a lane."""

    step: int
    """Steps since the start of the song."""
    steps: int
    """How long it is held."""
    letter: str
    """What it is, in the lane's own language."""


@dataclass(frozen=True, kw_only=True)
class Groove:
    """A rhythm section's pattern."""

    steps: int
    """Steps in a bar."""
    beats: float
    """Beats in a bar, which the tempo counts."""
    swing: float
    """Part of a step by which every second step comes late."""
    drums: Mapping[str, str]
    """A lane for each drum."""
    bass: str
    """The bass's lane."""
    comp: str
    """The accompaniment's lane."""

    def seconds(self, step: float, tempo: float) -> float:
        """When a step comes at `tempo` beats a minute."""
        late = self.swing if step % 2 == 1 else 0.0
        return (step + late) * self.beats * 60 / tempo / self.steps


def grooves() -> dict[str, Groove]:
    """Every groove by its name."""
    return {name: _groove(fields) for name, fields in load_table("grooves").items()}


def onsets(lane: str, *, first_step: int, steps: int) -> Iterator[Onset]:
    """What starts in `steps` steps of a lane that repeats from the start of the song."""
    letters = [lane[step % len(lane)] for step in range(first_step, first_step + steps)]
    for offset, letter in enumerate(letters):
        if letter in ".-":
            continue
        held = 1
        while offset + held < steps and letters[offset + held] == "-":
            held += 1
        yield Onset(step=first_step + offset, steps=held, letter=letter)


def _groove(fields: dict[str, Any]) -> Groove:
    drums = {
        name: lane for name, lane in fields.items() if isinstance(lane, str) and name not in ("bass", "comp")
    }
    return Groove(
        steps=fields["steps"],
        beats=fields.get("beats", 4),
        swing=fields.get("swing", 0.0),
        drums=drums,
        bass=fields["bass"],
        comp=fields["comp"],
    )
