"""What the stand-in for Plex serves in tests, and its control interface."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from standalone.plex_stand_in.catalogue import StandInTrack
from standalone.plex_stand_in.server import RunningStandIn
from sync.library import PlexMusic
from sync.plex import Plex, PlexAddress, Timeouts

TOKEN = "a-token-that-nobody-may-see"
AUDIO = bytes(range(256)) * 12_000
MUSIC = "2"
LONG_TITLE = "long " * 60
ODD = (
    {"title": "No media", "file": ""},
    {"title": "No genres", "genres": ()},
    {"title": "Many genres", "genres": tuple(f"Genre {i}" for i in range(12))},
    {"title": "Separators", "genres": ("Drum & Bass, UK", "Hip-Hop/Rap", "R&B; soul", "100% Pure", "a+b")},
    {"title": "Unknown numbers", "year": None, "duration_seconds": None, "track_number": None},
    {"title": "Compilation", "album_artist": "Various Artists", "artist": "Someone Else"},
    {"title": "שלום Ünïcödé e\u0301 🎸 <&\"'>", "genres": ("ジャズ",)},
    {"title": LONG_TITLE},
)
ODD_KEY = 5001


@dataclass(frozen=True, kw_only=True)
class Control:
    """The stand-in's control interface."""

    stand_in: RunningStandIn

    def ask(self, method: str, path: str, body: Any = None, **parameters: Any) -> Any:
        """One request; the JSON of its answer."""
        url = f"{self.stand_in.url}/stand-in/{path}"
        headers = {"X-Plex-Token": self.stand_in.token}
        answer = requests.request(method, url, json=body, headers=headers, params=parameters, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def behave(self, **traits: Any) -> None:
        """Change lasting traits."""
        self.ask("POST", "behaviour", traits)

    def fail(self, kind: str, **fields: Any) -> None:
        """Let the next matching requests go wrong."""
        self.ask("POST", "faults", {"kind": kind, **fields})

    def music(self) -> PlexMusic:
        """A connection to it that nobody has used before; the caller closes it."""
        address = PlexAddress(url=self.stand_in.url, token=self.stand_in.token)
        return PlexMusic(Plex(address, Timeouts(connect_seconds=1, read_seconds=1)))

    def edits(self) -> list[dict[str, Any]]:
        """The record of edits."""
        records: list[dict[str, Any]] = self.ask("GET", "edits")["edits"]
        return records

    def requests(self) -> list[dict[str, Any]]:
        """The requests to Plex's addresses."""
        records: list[dict[str, Any]] = self.ask("GET", "requests")["requests"]
        return records

    def state(self, rating_key: int) -> tuple[list[str], bool]:
        """A track's genres and lock."""
        track = self.ask("GET", f"tracks/{rating_key}")
        return track["genres"], track["locked"]


def plain_tracks(folder: Path, count: int = 25) -> tuple[StandInTrack, ...]:
    """Tracks 1001, 1002, ... with titles that sort the other way round."""
    return tuple(
        StandInTrack(
            rating_key=1000 + number,
            title=f"Song {count - number:03d}",
            file=str(folder / "song.mp3"),
            album_artist="The Band",
            artist="The Band",
            album="The Album",
            year=1999,
            track_number=number,
            disc_number=1,
            duration_seconds=31.5,
            genres=("Rock", "Pop", "Soundtrack"),
        )
        for number in range(1, count + 1)
    )


def odd_tracks(folder: Path) -> tuple[StandInTrack, ...]:
    """One of each kind that real libraries hold."""
    usual: dict[str, Any] = {
        "file": str(folder / "song.mp3"),
        "album_artist": "The Band",
        "artist": "The Band",
    }
    return tuple(StandInTrack(rating_key=ODD_KEY + i, **{**usual, **odd}) for i, odd in enumerate(ODD))
