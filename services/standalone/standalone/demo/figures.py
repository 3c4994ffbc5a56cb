"""How well the demo's songs came out, against the truth about them: pure arithmetic."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from standalone.demo_library import Song

# What the demo must show; a figure outside says that something is broken, or too easy to mean anything.
ACCURACY_RANGE = (0.6, 0.99)
LEAST_RECALL = 0.6
LEAST_PRECISION = 0.5


@dataclass(frozen=True, kw_only=True)
class GuessedGenre:
    """The songs that are guessed to be of one genre."""

    genre: str
    songs: int
    right: int
    """Those of them that were made to be of it."""


@dataclass(frozen=True, kw_only=True)
class GuessFigures:
    """The first guesses, before anything was trained, against what the songs were made to be."""

    genres: tuple[GuessedGenre, ...]
    cannot_be_guessed: tuple[str, ...]
    songs: int
    """All songs, guessed or not."""

    @property
    def guessed(self) -> int:
        """Songs with a guess."""
        return sum(each.songs for each in self.genres)

    @property
    def right(self) -> int:
        """Songs that were made to be of the guessed genre."""
        return sum(each.right for each in self.genres)


@dataclass(frozen=True, kw_only=True)
class StageFigures:
    """What one stage has decided."""

    stage: int
    kinds: tuple[str, ...]
    """What it is made of, as pages call it."""
    decided: int
    """Songs whose verdict is this stage's."""
    held_out: int
    """Of these, songs classified by a model that was trained without their artist."""
    right: int
    """Of these, songs whose true genre it named."""

    def __str__(self) -> str:
        judged = f", {self.right} of {self.held_out} held out right" if self.held_out else ""
        return f"stage {self.stage} ({' + '.join(self.kinds)}) decided {self.decided} songs{judged}"


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
    stages: tuple[StageFigures, ...]
    """Those of the model that was trained."""
    unused: tuple[str, ...]
    """Embeddings that are installed, and that no stage was made of."""
    missing_embeddings: Mapping[str, str]
    """Those that are not installed, with what to do."""
    with_trial: bool
    """An embedding of random weights was made, so that there must be a stage that uses it."""
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
            (not self.unused, f"no stage was made of {', '.join(self.unused)}, which is installed"),
            (
                any(each.decided for each in self.stages[1:]) or not self.with_trial,
                "no stage after the first decided a song, although MERT is installed",
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


def guess_figures(
    songs: Sequence[tuple[Song, Mapping[str, Any]]], cannot_be_guessed: Sequence[str]
) -> GuessFigures:
    """Compare each song's truth with the first guess in its line of `reclass export`."""
    guessed = [(song, row["first_guess"]) for song, row in songs if row["first_guess"]]
    right = Counter(genre for song, genre in guessed if song.true_genre == genre)
    return GuessFigures(
        genres=tuple(
            GuessedGenre(genre=genre, songs=count, right=right[genre])
            for genre, count in Counter(genre for _, genre in guessed).most_common()
        ),
        cannot_be_guessed=tuple(cannot_be_guessed),
        songs=len(songs),
    )


def stage_figures(
    songs: Sequence[tuple[Song, Mapping[str, Any]]], kinds: Mapping[int, Sequence[str]]
) -> tuple[StageFigures, ...]:
    """What each stage has decided; `kinds` by its number."""
    found = []
    for stage in sorted(kinds):
        decided = [(song, row) for song, row in songs if row["deciding_stage"] == stage]
        held_out = [row["ai_genre"] == song.true_genre for song, row in decided if row["out_of_fold"]]
        found.append(
            StageFigures(
                stage=stage,
                kinds=tuple(kinds[stage]),
                decided=len(decided),
                held_out=len(held_out),
                right=sum(held_out),
            )
        )
    return tuple(found)


def figures(
    songs: Sequence[tuple[Song, Mapping[str, Any]]],
    genre_of_spelling: Mapping[str, str],
    *,
    stages: Mapping[int, Sequence[str]],
    unused: Sequence[str] = (),
    missing_embeddings: Mapping[str, str] | None = None,
    with_trial: bool = False,
) -> Figures:
    """Compare each song's truth with its line of `reclass export`. `stages` by number, what each is made of."""
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
        stages=stage_figures(songs, stages),
        unused=tuple(unused),
        missing_embeddings=missing_embeddings or {},
        with_trial=with_trial,
        right_before=_share([song.tag_state == "right" for song, _ in songs]),
        right_after=_share([_has_true_genre(song, row, genre_of_spelling) for song, row in songs]),
    )


def _has_true_genre(song: Song, row: Mapping[str, Any], genre_of_spelling: Mapping[str, str]) -> bool:
    return any(genre_of_spelling.get(tag, tag) == song.true_genre for tag in row["plex_genres"])


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits) if hits else 0.0
