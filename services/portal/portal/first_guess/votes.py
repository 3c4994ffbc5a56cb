"""Which tags vote for which genres in a new system.

They are the tags of the Million Song Dataset's listeners that stand for a genre by our own aliases, so that a tag says
the same wherever it comes from; no other votes: moods, decades, voices and instruments are no genres.

The weights of a genre add up to 1, but for Pop_Rock's 3 and Electronic's 2, which broad collections have several times
as many songs of as of any other, and for Vocal's half: its only tag stands for orchestras, too. Among the tags of one
genre the common ones weigh more: their lift stays small.
"""

from collections.abc import Mapping

VOTES: Mapping[str, Mapping[str, float]] = {
    "Blues": {"blues": 1.0},
    "Country": {"country": 1.0},
    "Electronic": {
        "electronic": 0.6, "electronica": 0.3, "House": 0.3, "electro": 0.3, "dance": 0.3, "ambient": 0.2,
    },
    "Folk": {"folk": 1.0},
    "Jazz": {"jazz": 1.0},
    "Pop_Rock": {
        "pop": 0.6, "rock": 0.5, "alternative": 0.2, "indie": 0.2, "alternative rock": 0.2, "classic rock": 0.2,
        "punk": 0.2, "metal": 0.2, "hard rock": 0.2, "heavy metal": 0.15, "indie rock": 0.15, "indie pop": 0.1,
        "Progressive rock": 0.1,
    },
    "Rap": {"Hip-Hop": 1.0},
    "RnB": {"rnb": 0.4, "soul": 0.35, "funk": 0.25},
    "Vocal": {"easy listening": 0.5},
}  # fmt: skip
