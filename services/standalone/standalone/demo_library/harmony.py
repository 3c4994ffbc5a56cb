"""Chords, progressions and scales, as the degrees and names that musicians write."""

import re
from dataclasses import dataclass

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "bebop": (0, 2, 4, 5, 7, 8, 9, 11),
    "phrygian dominant": (0, 1, 4, 5, 7, 8, 10),
    "double harmonic": (0, 1, 4, 5, 7, 8, 11),
    "hirajoshi": (0, 2, 3, 7, 8),
    "pelog": (0, 1, 3, 7, 8),
}
"""Semitones above the tonic."""

KEYS = {
    "C": 60,
    "Db": 61,
    "D": 62,
    "Eb": 63,
    "E": 64,
    "F": 65,
    "Gb": 54,
    "G": 55,
    "Ab": 56,
    "A": 57,
    "Bb": 58,
    "B": 59,
}
"""MIDI number of each tonic, near to middle C."""

DEGREES = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}

QUALITIES: dict[tuple[bool, str], tuple[int, ...]] = {
    (True, ""): (0, 4, 7),
    (True, "5"): (0, 7, 12),
    (True, "7"): (0, 4, 7, 10),
    (True, "13"): (0, 4, 10, 14, 21),
    (True, "maj7"): (0, 4, 7, 11),
    (True, "maj9"): (0, 4, 7, 11, 14),
    (False, ""): (0, 3, 7),
    (False, "5"): (0, 7, 12),
    (False, "7"): (0, 3, 7, 10),
    (False, "9"): (0, 3, 7, 10, 14),
}
"""Semitones above the root, by whether the numeral is upper case, and by its suffix."""

_CHORD = re.compile(r"(?P<flat>b?)(?P<numeral>[ivIV]+)(?P<suffix>(maj)?\d*)")


@dataclass(frozen=True, kw_only=True)
class Chord:
    """A chord within a key."""

    root: int
    """Semitones of its root above the tonic, 0 to 11."""
    intervals: tuple[int, ...]
    """Semitones of its notes above the root, upwards from 0."""

    @property
    def minor(self) -> bool:
        """Whether its third is a minor one."""
        return 3 in self.intervals

    def tone(self, degree: int) -> int:
        """Semitones above the root of the bass's third, fifth, sixth, seventh or octave."""
        third = 3 if self.minor else 4
        seventh = 11 if 11 in self.intervals else 10
        return {1: 0, 3: third, 5: 7, 6: 9, 7: seventh, 8: 12}[degree]


def progression(text: str) -> tuple[Chord, ...]:
    """The chords of a line such as `ii9 V13 Imaj9 bVI7`, one a bar."""
    return tuple(_chord(word) for word in text.split())


def voicing(chord: Chord, *, tonic: int, centre: int) -> tuple[int, ...]:
    """MIDI numbers of the chord's notes, each in the octave nearest to `centre`, upwards."""
    pitches = (tonic + chord.root + interval for interval in chord.intervals)
    return tuple(sorted({pitch + 12 * round((centre - pitch) / 12) for pitch in pitches}))


def _chord(word: str) -> Chord:
    match = _CHORD.fullmatch(word)
    if match is None:
        raise ValueError(f"{word!r} is no chord: write a numeral and a suffix, such as bVII7 or ii9.")
    numeral = match["numeral"]
    root = (DEGREES[numeral.lower()] - (1 if match["flat"] else 0)) % 12
    return Chord(root=root, intervals=QUALITIES[numeral.isupper(), match["suffix"]])
