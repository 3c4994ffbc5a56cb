"""Stores predictions: once per song and model version, one of them current; each stage's verdict as a short list."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Q

from portal.genres.models import Genre
from portal.remote.inference import Classification
from portal.remote.verdicts import GenreScore, StageVerdict
from portal.verdicts.models import Prediction

SAME_CONFIDENCE = 0.001
# A hundredth of a percent: a calibrated probability means less than that, and its other digits are half of a row.
DIGITS = 4
_SAID = (
    "genre",
    "confidence",
    "deciding_stage",
    "outcome",
    "random_weights",
    "provisional_reason",
    "stages",
    "sound",
    "current",
)


class GenreUnknownError(Exception):
    """The model says a genre that the portal does not have; the message says what to do."""


def genres_by_name() -> dict[str, int]:
    """The genres that may be given to songs, by name without case."""
    rows = Genre.objects.filter(retired=False).values_list("name", "pk")
    return {name.casefold(): pk for name, pk in rows}


def genre_id(name: str, known: dict[str, int]) -> int:
    """The genre of that name."""
    found = known.get(name.casefold())
    if found is None:
        raise GenreUnknownError(
            f"The model says “{name}”, which is no genre here, or a retired one: add or restore it in the admin, or "
            "train again (`reclass train`)."
        )
    return found


def store_predictions(said: Mapping[int, Classification], known: dict[str, int]) -> dict[int, str]:
    """Make what was said of these songs current, in a transaction that holds their rows; the outcomes that stand.

    1. What a model said out of fold stays: asked again, it would only repeat what it was taught. One training makes
       the heads of all stages, so any stage that both know tells it, whichever stage decided.
    2. A verdict that is there already, by the same version, is not written again.
    3. All others lose their place first: a song has one current verdict at any moment.
    """
    earlier = _earlier(said)
    ended: list[int] = []
    current: list[int] = []
    changed: list[Prediction] = []
    outcomes: dict[int, str] = {}
    for track_id, classification in said.items():
        stands = _out_of_fold(classification, earlier[track_id])
        outcomes[track_id] = (stands and stands.outcome) or classification.outcome
        if stands is None:
            wanted = _prediction(track_id, classification, known)
            same = (each for each in earlier[track_id] if each.model_version == wanted.model_version)
            stands = next(same, None)
            if stands is None or _differs(stands, wanted):
                changed.append(wanted)
        ended += [each.pk for each in earlier[track_id] if each.current and each is not stands]
        if stands is not None and not stands.current:
            current.append(stands.pk)
    Prediction.objects.filter(pk__in=ended).update(current=False)
    Prediction.objects.filter(pk__in=current).update(current=True)
    Prediction.objects.bulk_create(
        changed, update_conflicts=True, unique_fields=("track", "model_version"), update_fields=_SAID
    )
    return outcomes


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
    stored: Sequence[Sequence[Any]], features_of: Callable[[str], str] = lambda head: ""
) -> tuple[StageVerdict, ...]:
    """The stages of `Prediction.stages`, in order; `features_of` says in words what a head uses."""
    return tuple(
        StageVerdict(
            stage=int(stage),
            model_version=str(model_version),
            decided=bool(decided),
            threshold=float(threshold),
            features=features_of(str(model_version)),
            top=tuple(
                GenreScore(genre=str(genre), probability=float(p))
                for genre, p in zip(top[::2], top[1::2], strict=True)
            ),
        )
        for stage, model_version, decided, threshold, top in sorted(stored, key=lambda entry: int(entry[0]))
    )


def _earlier(said: Mapping[int, Classification]) -> dict[int, list[Prediction]]:
    """What was said of each song before and matters now, the newest first."""
    versions = {classification.model_version for classification in said.values()}
    matters = Q(current=True) | Q(out_of_fold=True) | Q(model_version__in=versions)
    found: dict[int, list[Prediction]] = {track_id: [] for track_id in said}
    for prediction in Prediction.objects.filter(matters, track_id__in=list(said)).order_by(
        "-created_time", "-pk"
    ):
        found[prediction.track_id].append(prediction)
    return found


def _out_of_fold(said: Classification, earlier: Sequence[Prediction]) -> Prediction | None:
    versions = {verdict.model_version for verdict in said.verdicts}
    return next(
        (each for each in earlier if each.out_of_fold and any(stage[1] in versions for stage in each.stages)),
        None,
    )


def _prediction(track_id: int, said: Classification, known: dict[str, int]) -> Prediction:
    return Prediction(
        track_id=track_id,
        genre_id=genre_id(said.genre, known),
        confidence=said.confidence,
        model_version=said.model_version,
        deciding_stage=said.deciding_stage,
        outcome=said.outcome,
        random_weights=said.random_weights,
        provisional_reason=said.provisional_reason,
        stages=stored_stages(said.verdicts),
        sound=said.sound,
        current=True,
    )


def _differs(there: Prediction, wanted: Prediction) -> bool:
    """Whether anybody could tell them apart: an embedding that was rounded in the database moves the last digits."""
    if abs(there.confidence - wanted.confidence) > SAME_CONFIDENCE:
        return True
    return _decision(there) != _decision(wanted)


def _decision(prediction: Prediction) -> tuple[object, ...]:
    return (
        prediction.genre_id,
        prediction.deciding_stage,
        prediction.outcome,
        prediction.random_weights,
        prediction.provisional_reason,
        # Not its digits: they move as those of the confidence do.
        len(prediction.sound),
        [(stage, version, decided, threshold) for stage, version, decided, threshold, _ in prediction.stages],
    )
