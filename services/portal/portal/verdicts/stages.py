"""A prediction's stages as they are stored: written as short lists, read into values."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from portal.remote.verdicts import GenreScore, StageVerdict

# A hundredth of a percent: a calibrated probability means less than that, and its other digits are half of a row.
DIGITS = 4


def stored_stages(verdicts: Iterable[StageVerdict]) -> list[list[Any]]:
    """What stages said, as `Prediction.stages` keeps it."""
    return [
        [
            verdict.stage,
            verdict.model_version,
            verdict.decided,
            round(verdict.threshold, DIGITS),
            [part for score in verdict.top for part in (score.genre, round(score.probability, DIGITS))],
        ]
        for verdict in verdicts
    ]


def stage_verdicts(
    stored: Sequence[Sequence[Any]], whole_song_heads: Collection[str] = ()
) -> tuple[StageVerdict, ...]:
    """The stages of `Prediction.stages`, in order; those of `whole_song_heads` used the whole song."""
    return tuple(
        StageVerdict(
            stage=int(stage),
            model_version=str(model_version),
            decided=bool(decided),
            threshold=float(threshold),
            whole_song=model_version in whole_song_heads,
            top=tuple(
                GenreScore(genre=str(genre), probability=float(p))
                for genre, p in zip(top[::2], top[1::2], strict=True)
            ),
        )
        for stage, model_version, decided, threshold, top in sorted(stored, key=lambda entry: int(entry[0]))
    )
