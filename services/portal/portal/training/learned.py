"""What a training has learned of each genre, from its report: pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LearnedGenre:
    """How well one genre is told from the others, on songs of artists that were not in training."""

    genre: str
    songs: int
    """Held-out songs of this genre."""
    precision: int
    """Of the songs that are said to be of it, how many are: out of a hundred."""
    recall: int
    """Of its songs, how many are said to be of it: out of a hundred."""


def made_model(result: Any) -> str:
    """The model that a training made, or that was put into service; empty for other runs."""
    model = result.get("model") if isinstance(result, Mapping) else None
    return str(model["name"] if isinstance(model, Mapping) else model or "")


def learned_genres(report: Mapping[str, Any]) -> Sequence[LearnedGenre]:
    """Each genre as the last stage that was trained knows it; nothing of a run that trained none."""
    stages: Sequence[Mapping[str, Any]] = report.get("stages") or ({},)
    return [
        LearnedGenre(
            genre=each["genre"],
            songs=each["songs"],
            precision=round(100 * each["precision"]),
            recall=round(100 * each["recall"]),
        )
        for each in stages[-1].get("genres", ())
    ]
