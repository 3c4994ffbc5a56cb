"""How music stores and taggers spell the sixteen genres."""

OTHERS: dict[str, tuple[str, ...]] = {
    "Blues": ("Delta Blues", "Electric Blues"),
    "Country": ("Country & Western", "Americana"),
    "Electronic": ("Electronica", "Dance & Electronic", "Techno"),
    "Folk": ("Singer/Songwriter", "Traditional Folk"),
    "International": ("World", "World Music"),
    "Jazz": ("Bebop", "Swing"),
    "Latin": ("Latin Music", "Salsa y Tropical"),
    "New Age": ("Newage", "Meditation"),
    "Pop_Rock": ("Pop/Rock", "Alternative Rock", "Rock"),
    "Rap": ("Hip-Hop/Rap", "Hip Hop"),
    "Reggae": ("Roots Reggae", "Dub"),
    "RnB": ("R&B", "R&B/Soul"),
    "Vocal": ("Vocals", "Traditional Pop"),
    "K-Pop": ("Kpop", "Korean Pop"),
    "Anime": ("Anime Soundtrack", "Anison"),
    "Lo-Fi": ("Lofi Hip Hop", "Chillhop"),
}
"""The spellings of each genre beside its own name."""

SPELLINGS = {spelling: genre for genre, others in OTHERS.items() for spelling in (genre, *others)}
"""The genre that each spelling means; a genre's own name comes first."""


def spellings_of(genre: str) -> tuple[str, ...]:
    """The spellings of a genre, its own name first."""
    return (genre, *OTHERS[genre])
