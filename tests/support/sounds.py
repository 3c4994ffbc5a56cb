"""What a model of tests says of the sound of a song, as inference sends it: probabilities of all its genres."""

from array import array

from portal.genres.aliases import ALIASES

GENRES = sorted(ALIASES)


def sound_of(genre: str, confidence: float) -> bytes:
    """`genre` with this probability, the others with what is left, each alike."""
    if genre not in GENRES:
        GENRES.append(genre)  # taught by somebody
    rest = (1 - confidence) / (len(GENRES) - 1)
    return array("f", [confidence if name == genre else rest for name in GENRES]).tobytes()


def said_by(sound: bytes) -> dict[str, float]:
    """The probabilities by genre; of what float32 makes of them, the digits that were put in."""
    return {name: round(p, 6) for name, p in zip(GENRES, array("f", sound), strict=False)}
