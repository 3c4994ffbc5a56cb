"""How well the demo's songs came out, against the truth about them: pure arithmetic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from standalone.demo_library import Song

# What the demo must show; a figure outside says that something is broken, or too easy to mean anything.
ACCURACY_RANGE = (0.6, 0.99)
LEAST_RECALL = 0.6
LEAST_PRECISION = 0.5


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What became of the songs, and what the planted faults show."""

    songs: int
    extracted: int
    """Songs whose features were extracted."""
    classified: int
    written: int
    held_out_songs: int
    """Songs classified by a model that was trained without their artist."""
    held_out_accuracy: float
    """Share of those whose true genre it named."""
    wrong_tags: int
    """Wrong tags that were planted."""
    wrong_tags_found: int
    suspected_labels: int
    """Songs whose tag was called wrong, rightly or not."""
    missing_tags: int
    """Songs without a genre tag."""
    missing_tags_filled: int
    """Those that got their true genre."""
    with_mert: bool
    """MERT was installed, so that stage 2 classified what stage 1 was unsure of."""
    later_stages: int
    """Songs whose verdict is that of a later stage than the first."""
    right_before: float
    """Share of the songs with their true genre in Plex before."""
    right_after: float
    """The same after the push."""

    @property
    def recall(self) -> float:
        """Share of the planted wrong tags that were found."""
        return self.wrong_tags_found / self.wrong_tags if self.wrong_tags else 1.0

    @property
    def precision(self) -> float:
        """Share of the suspected tags that are wrong."""
        return self.wrong_tags_found / self.suspected_labels if self.suspected_labels else 1.0

    def shortfalls(self) -> list[str]:
        """What is not as it must be, a sentence each; empty when all is well."""
        low, high = ACCURACY_RANGE
        checks = [
            (self.extracted == self.songs, f"only {self.extracted} of {self.songs} songs have features"),
            (
                self.later_stages > 0 or not self.with_mert,
                "stage 2 decided no song, although MERT is installed",
            ),
            (self.classified == self.songs, f"only {self.classified} of {self.songs} songs have a genre"),
            (
                low <= self.held_out_accuracy <= high,
                f"held-out-artist accuracy is {self.held_out_accuracy:.2f}, not {low} to {high}",
            ),
            (
                self.recall >= LEAST_RECALL,
                f"recall of wrong tags is {self.recall:.2f}, not {LEAST_RECALL}",
            ),
            (
                self.precision >= LEAST_PRECISION,
                f"precision of wrong tags is {self.precision:.2f}, not {LEAST_PRECISION}",
            ),
        ]
        return [sentence for holds, sentence in checks if not holds]


def figures(
    songs: Sequence[tuple[Song, Mapping[str, Any]]],
    genre_of_spelling: Mapping[str, str],
    *,
    with_mert: bool = False,
) -> Figures:
    """Compare each song's truth with its line of `reclass export`."""
    held_out = [(song, row) for song, row in songs if row["out_of_fold"]]
    suspected = [song for song, row in songs if row["suspected_label_error"]]
    missing = [(song, row) for song, row in songs if song.tag_state == "missing"]
    return Figures(
        songs=len(songs),
        extracted=sum(row["extracted"] for _, row in songs),
        classified=sum(row["ai_genre"] is not None for _, row in songs),
        written=sum(row["in_plex"] == "written" for _, row in songs),
        held_out_songs=len(held_out),
        held_out_accuracy=_share([row["ai_genre"] == song.true_genre for song, row in held_out]),
        wrong_tags=sum(song.tag_state == "wrong" for song, _ in songs),
        wrong_tags_found=sum(song.tag_state == "wrong" for song in suspected),
        suspected_labels=len(suspected),
        missing_tags=len(missing),
        missing_tags_filled=sum(_has_true_genre(song, row, genre_of_spelling) for song, row in missing),
        with_mert=with_mert,
        later_stages=sum((row["deciding_stage"] or 0) > 1 for _, row in songs),
        right_before=_share([song.tag_state == "right" for song, _ in songs]),
        right_after=_share([_has_true_genre(song, row, genre_of_spelling) for song, row in songs]),
    )


def _has_true_genre(song: Song, row: Mapping[str, Any], genre_of_spelling: Mapping[str, str]) -> bool:
    return any(genre_of_spelling.get(tag, tag) == song.true_genre for tag in row["plex_genres"])


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits) if hits else 0.0
