"""Stores predictions: once per song and model version, one of them current."""

from collections.abc import Sequence

from django.db.models import Q

from portal.genres.models import Genre
from portal.library.models import Track
from portal.remote.inference import Classification, StageVerdict
from portal.verdicts.models import Prediction
from portal.verdicts.stages import stored_stages


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
            "train again (reclass train)."
        )
    return found


def store_prediction(track: Track, said: Classification, known: dict[str, int]) -> None:
    """Make what was said current. Call it in a transaction that holds the track's row.

    What a model said out of fold stays: asked again, it would only repeat what it was taught. One training makes the
    heads of all stages, so any stage that both know tells it, whichever stage decided.
    """
    genre = genre_id(said.genre, known)
    predictions = Prediction.objects.filter(track=track)
    same_training = Q()
    for verdict in said.verdicts:
        same_training |= Q(stages__contains=[[verdict.model_version]])
    kept = predictions.filter(same_training, out_of_fold=True).order_by("-created_time").first()
    others = predictions.exclude(pk=kept.pk) if kept else predictions
    others.filter(current=True).update(current=False)
    if kept:
        Prediction.objects.filter(pk=kept.pk).update(current=True)
        return
    Prediction.objects.update_or_create(
        track=track,
        model_version=said.model_version,
        defaults={
            "genre_id": genre,
            "confidence": said.confidence,
            "deciding_stage": said.deciding_stage,
            "provisional_reason": said.provisional_reason,
            "stages": stored_stages(said.verdicts),
            "current": True,
        },
    )


def deciding(verdicts: Sequence[StageVerdict]) -> StageVerdict | None:
    """The stage that has the last word: the first that decided, else the last that ran."""
    judged = [verdict for verdict in verdicts if verdict.top]
    return next((verdict for verdict in judged if verdict.decided), judged[-1] if judged else None)
