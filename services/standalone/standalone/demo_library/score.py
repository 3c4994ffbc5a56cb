"""A song before it sounds: who plays which note when."""

from dataclasses import dataclass

import numpy as np

from standalone.demo_library.artists import Artist
from standalone.demo_library.genres import Recipe
from standalone.demo_library.harmony import KEYS, SCALES, Chord, progression, voicing
from standalone.demo_library.melody import line
from standalone.demo_library.rhythm import LOUDNESS, Groove, grooves, onsets

BASS_LOWEST = 28
"""MIDI number of the lowest bass note, E1."""
COMP_CENTRE = 60
PAD_CENTRE = 57
SPEECH_CENTRE = 48
TIMING_SPREAD_SECONDS = 0.006
"""How far people are off the beat."""


@dataclass(frozen=True, kw_only=True)
class Note:
    """A note of a part."""

    start_seconds: float
    steps: int
    """How long it is held; equal notes of a song sound alike, so they are counted, not measured."""
    midi: int
    loudness: float
    """Factor on the instrument's level."""


@dataclass(frozen=True, kw_only=True)
class Strike:
    """A stroke of a drum."""

    start_seconds: float
    drum: str
    loudness: float


@dataclass(frozen=True, kw_only=True)
class Score:
    """A song."""

    seconds: float
    step_seconds: float
    parts: dict[str, tuple[Note, ...]]
    """Notes of bass, comp, pad and lead."""
    drums: tuple[Strike, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a song's parts agree on."""

    groove: Groove
    tempo: float
    bars: int
    chords: tuple[Chord, ...]
    """One a bar, repeated."""
    tonic: int
    """MIDI number of the tonic in the octave from C4."""
    scale: tuple[int, ...]
    density: float

    def chord(self, bar: int) -> Chord:
        """The chord of a bar; the song comes home in the last one."""
        return self.chords[0 if bar == self.bars - 1 else bar % len(self.chords)]

    def seconds(self, bar: int, step: float = 0.0) -> float:
        """When a step of a bar comes."""
        return self.groove.seconds(bar * self.groove.steps + step, self.tempo)


def compose(recipe: Recipe, artist: Artist, *, seconds: float, rng: np.random.Generator) -> Score:
    """A song of about that length."""
    plan = _plan(recipe, seconds, rng)
    step_seconds = plan.seconds(1) / plan.groove.steps
    parts = {"bass": _bass(plan, rng), "comp": _comp(plan, rng), "lead": _lead(plan, recipe, rng)}
    if "pad" in artist.parts:
        parts["pad"] = _pad(plan)
    return Score(
        seconds=plan.seconds(plan.bars) + 1.0, step_seconds=step_seconds, parts=parts, drums=_drums(plan, rng)
    )


def _plan(recipe: Recipe, seconds: float, rng: np.random.Generator) -> Plan:
    groove = grooves()[str(rng.choice(recipe.grooves))]
    tempo = float(rng.uniform(*recipe.tempo))
    bar_seconds = groove.seconds(groove.steps, tempo)
    return Plan(
        groove=groove,
        tempo=tempo,
        bars=max(4, round((seconds - 1.0) / bar_seconds)),
        chords=progression(str(rng.choice(recipe.progressions))),
        tonic=KEYS[str(rng.choice(recipe.keys))],
        scale=SCALES[str(rng.choice(recipe.scales))],
        density=float(rng.uniform(*recipe.density)),
    )


def _late(rng: np.random.Generator) -> float:
    return abs(float(rng.normal(0, TIMING_SPREAD_SECONDS)))


def _bass(plan: Plan, rng: np.random.Generator) -> tuple[Note, ...]:
    notes = []
    for bar in range(plan.bars):
        chord, following = plan.chord(bar), plan.chord(bar + 1)
        for onset in onsets(plan.groove.bass, first_step=bar * plan.groove.steps, steps=plan.groove.steps):
            if onset.letter == "a":
                pitch = plan.tonic + following.root - 1
            else:
                pitch = plan.tonic + chord.root + chord.tone(int(onset.letter))
            low = BASS_LOWEST + (pitch - BASS_LOWEST) % 12 + (12 if onset.letter == "8" else 0)
            start = plan.groove.seconds(onset.step, plan.tempo) + _late(rng)
            notes.append(Note(start_seconds=start, steps=onset.steps, midi=low, loudness=1.0))
    return tuple(notes)


def _comp(plan: Plan, rng: np.random.Generator) -> tuple[Note, ...]:
    notes: list[Note] = []
    for bar in range(plan.bars):
        pitches = voicing(plan.chord(bar), tonic=plan.tonic, centre=COMP_CENTRE)
        for onset in onsets(plan.groove.comp, first_step=bar * plan.groove.steps, steps=plan.groove.steps):
            start = plan.groove.seconds(onset.step, plan.tempo) + _late(rng)
            if onset.letter in LOUDNESS:
                loudness = 0.6 * LOUDNESS[onset.letter]
                notes += (
                    Note(start_seconds=start, steps=onset.steps, midi=midi, loudness=loudness)
                    for midi in pitches
                )
            else:
                octave, index = divmod("abcdef".index(onset.letter), len(pitches))
                # A picked string rings on below the next one.
                notes.append(
                    Note(
                        start_seconds=start,
                        steps=onset.steps + 2,
                        midi=pitches[index] + 12 * octave,
                        loudness=0.9,
                    )
                )
    return tuple(notes)


def _pad(plan: Plan) -> tuple[Note, ...]:
    return tuple(
        Note(start_seconds=plan.seconds(bar), steps=plan.groove.steps, midi=midi, loudness=0.5)
        for bar in range(plan.bars)
        for midi in voicing(plan.chord(bar), tonic=plan.tonic, centre=PAD_CENTRE)
    )


def _lead(plan: Plan, recipe: Recipe, rng: np.random.Generator) -> tuple[Note, ...]:
    """The lead comes in after an introduction and leaves the last bar to the others."""
    intro = 1 if plan.bars < 12 else 2
    bars = line(
        recipe.lead_style,
        bars=plan.bars - intro - 1,
        steps=plan.groove.steps,
        density=plan.density,
        scale=plan.scale,
        rng=rng,
    )
    speech = recipe.lead_style == "speech"
    tonic = SPEECH_CENTRE + int(rng.integers(-3, 10)) if speech else plan.tonic + 12 * recipe.lead_octave
    notes = []
    for bar, tones in enumerate(bars, start=intro):
        for tone in tones:
            start = plan.seconds(bar, tone.step) + _late(rng)
            loudness = float(rng.uniform(0.7, 1.0))
            notes.append(
                Note(start_seconds=start, steps=tone.steps, midi=tonic + tone.semitones, loudness=loudness)
            )
    return tuple(notes)


def _drums(plan: Plan, rng: np.random.Generator) -> tuple[Strike, ...]:
    strikes = []
    steps = plan.groove.steps
    for drum, lane in plan.groove.drums.items():
        for onset in onsets(lane, first_step=0, steps=(plan.bars - 1) * steps):
            start = plan.groove.seconds(onset.step, plan.tempo) + _late(rng)
            loudness = LOUDNESS[onset.letter] * float(rng.uniform(0.85, 1.0))
            strikes.append(Strike(start_seconds=start, drum=drum, loudness=loudness))
        if drum in ("kick", "taiko", "bayan"):
            strikes.append(Strike(start_seconds=plan.seconds(plan.bars - 1), drum=drum, loudness=1.0))
    return tuple(strikes)
