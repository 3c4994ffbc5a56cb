"""The texts of a made public table: titles, bios and comments as long and as awkward as those of the real one."""

import random

COLUMNS = (
    *(
        ("album", name)
        for name in (
            "comments", "date_created", "date_released", "engineer", "favorites", "id", "information", "listens",
            "producer", "tags", "title", "tracks", "type",
        )
    ),
    *(
        ("artist", name)
        for name in (
            "active_year_begin", "active_year_end", "associated_labels", "bio", "comments", "date_created",
            "favorites", "id", "latitude", "location", "longitude", "members", "name", "related_projects", "tags",
            "website", "wikipedia_page",
        )
    ),
    *(("set", name) for name in ("split", "subset")),
    *(
        ("track", name)
        for name in (
            "bit_rate", "comments", "composer", "date_created", "date_recorded", "duration", "favorites",
            "genre_top", "genres", "genres_all", "information", "interest", "language_code", "license", "listens",
            "lyricist", "number", "publisher", "tags", "title",
        )
    ),
)  # fmt: skip
"""The 52 columns of the real table, in its order."""
WORDS = (
    "the", "night", "of", "a", "river", "señor", "Ünder", "born", "in", "Łódź", "and", "recorded", "at", "home",
    "“live”", "東京", "with", "Кино", "tapes,", "noise;", "(remix)", "it's", 'the "lost" session,', "1997–2009", "&",
    "über", "naïve", "folk", "machine", "dream,", "слон", "café", "\N{BLACK HEART SUIT}", "from", "to", "their",
)  # fmt: skip
DATES = ("2008-11-26 01:44:45", "2010-04-19 00:00:00", "2015-12-04 10:22:30")
BIO_WORDS, ALBUM_WORDS, TRACK_WORDS = 260, 110, 40


class Texts:
    """Says of each track what the real table would; the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # nothing secret
        self._artists: dict[int, dict[tuple[str, str], object]] = {}

    def track(self, number: int, artist: int, genre: int) -> dict[tuple[str, str], object]:
        """The fields of a track that have something, without those of the split and its top genre."""
        if artist not in self._artists:
            self._artists[artist] = self._artist(artist) | self._album(artist)
        chance = self._random
        ids = [21 + genre, *chance.sample(range(40, 1235), chance.choice((0, 0, 1, 1, 2, 3)))]
        of_track = {
            "bit_rate": chance.choice((256000, 320000, 192000)),
            "comments": 0,
            "date_created": chance.choice(DATES),
            "duration": chance.randint(20, 900),
            "favorites": chance.randint(0, 40),
            "genres": str(ids),
            "genres_all": str([*ids, 10]),
            "information": self._paragraphs(TRACK_WORDS) if chance.random() < 0.03 else "",
            "interest": chance.randint(2, 90_000),
            "language_code": "en" if chance.random() < 0.15 else "",
            "license": "Attribution-NonCommercial-ShareAlike 3.0 International",
            "listens": chance.randint(0, 50_000),
            "number": chance.randint(0, 30),
            "tags": "[]" if chance.random() < 0.8 else "['lo-fi', \"rock 'n' roll\"]",
            "title": self._words(chance.randint(1, 6)),
        }
        return self._artists[artist] | {("track", name): value for name, value in of_track.items()}

    def _artist(self, artist: int) -> dict[tuple[str, str], object]:
        said = {
            "active_year_begin": DATES[0] if artist % 5 == 0 else "",
            "bio": self._paragraphs(BIO_WORDS) if artist % 3 else "",
            "comments": artist % 4,
            "date_created": DATES[artist % 3],
            "favorites": artist % 50,
            "id": 1 + artist,
            "latitude": 40.0583238 if artist % 2 else "",
            "location": "Łódź, Poland" if artist % 3 else "",
            "longitude": -74.4056612 if artist % 2 else "",
            "members": "Sajje Morocco,Brownbum,\nZawidaGod" if artist % 4 == 0 else "",
            "name": f"{self._words(2)} {artist}",
            "tags": "['awol']",
            "website": f"http://www.example.org/{artist}?a=1,2",
        }
        return {("artist", name): value for name, value in said.items()}

    def _album(self, artist: int) -> dict[tuple[str, str], object]:
        said = {
            "comments": 0,
            "date_created": DATES[artist % 3],
            "date_released": "2009-01-05 00:00:00" if artist % 3 else "",
            "favorites": artist % 9,
            "id": 1 + artist,
            "information": self._paragraphs(ALBUM_WORDS) if artist % 4 else "",
            "listens": 7 * artist,
            "tags": "[]",
            "title": self._words(3),
            "tracks": 1 + artist % 20,
            "type": "Album",
        }
        return {("album", name): value for name, value in said.items()}

    def _paragraphs(self, words: int) -> str:
        half = self._random.randint(words // 2, words)
        return f'<p class="bio">{self._words(half)}</p>\r\n\n<p>{self._words(words // 2)},\n"""</p>'

    def _words(self, count: int) -> str:
        return " ".join(self._random.choices(WORDS, k=count))
