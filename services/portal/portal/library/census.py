"""How many songs are in which state, and every song as plain data, for programs."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.db.models import Count, Q
from django.db.models.functions import Coalesce

from portal.genres.models import Genre
from portal.library.annotations import FIELDS, GUESS_STANDS, LOOKS_WRONG, with_prediction
from portal.library.flags import count_of_random_weights, count_stale
from portal.library.models import Analysis, InPlex, Track
from portal.library.presence import not_chosen, present
from portal.library.recordings import PREDICTED
from portal.library.vectors import has_vectors

_NOT_DECIDED = (Analysis.FAILED, Analysis.SKIPPED, Analysis.PENDING)
_STATES = {
    **{state.name.lower(): Q(analysis=state) for state in (*PREDICTED, *_NOT_DECIDED)},
    **{state.name.lower(): Q(in_plex=state) for state in InPlex if state != InPlex.UNTOUCHED},
}


def counts(serving: Collection[str] = ()) -> dict[str, int]:
    """Songs by state; stale ones beside the model versions in service.

    `extracted` are those whose audio was analysed, whatever was decided since.
    """
    here = present()
    numbers = Track.objects.aggregate(
        synced=Count("pk", filter=here),
        extracted=Count("pk", filter=here & Q(audio__isnull=False)),
        overridden=Count("pk", filter=here & Q(override__isnull=False)),
        removed=Count("pk", filter=Q(removed_time__isnull=False)),
        not_chosen=Count("pk", filter=not_chosen()),
        **{name: Count("pk", filter=here & state) for name, state in _STATES.items()},
    )
    # A query of its own: joined to its earlier predictions, every song would count as often as it was classified.
    predicted = with_prediction(Track.objects.filter(here))
    return {
        **{name: int(number) for name, number in numbers.items()},
        "stale": count_stale(serving),
        "random_weights": count_of_random_weights(),
        "suspected_label_errors": predicted.filter(LOOKS_WRONG).count(),
        "first_guesses": predicted.filter(GUESS_STANDS).count(),
    }


def songs_as_data() -> Iterator[dict[str, Any]]:
    """Every present song in the order of its key."""
    songs = with_prediction(Track.objects.filter(present())).order_by("pk")
    genres = dict(Genre.objects.values_list("pk", "name"))
    for values in songs.values_list(*_FIELDS.values()).iterator(chunk_size=2000):
        yield _song(dict(zip(_FIELDS, values, strict=True)), genres)


def _song(song: dict[str, Any], genres: Mapping[int, str]) -> dict[str, Any]:
    """A song as programs get it. A guess is no genre of the song: it stands under `ai_genre`, and is called so."""
    song["decided_from"] = [
        {"source": source, "genre": genre, "probability": probability}
        for source, genre, probability in song["decided_from"] or ()
    ]
    if song["judgement"] is not None:
        song["judgement"] = [genres[pk] for pk in song["judgement"] if pk in genres]
    has_prediction = song["ai_genre"] is not None
    song["outcome"] = (song["outcome"] or song["analysis"]) if has_prediction else None
    song["is_guess"] = has_prediction and song["outcome"] == Analysis.OUT_OF_DISTRIBUTION
    if song["is_guess"]:
        song["genre"] = song["override"]
    return song


_FIELDS: dict[str, Any] = {
    "rating_key": "rating_key",
    "title": "title",
    "artist": "artist",
    "album": "album",
    "file": "file",
    "plex_genres": "plex_genres",
    "plex_genres_locked": "plex_genres_locked",
    "file_genres": "file_genres",
    "tag_genre": "tag_genre__name",
    "genre": Coalesce("override__genre__name", "said__genre__name"),
    "ai_genre": "said__genre__name",
    "confidence": "said__confidence",
    "outcome": "said__outcome",
    "random_weights": Coalesce("said__random_weights", False),
    "deciding_stage": "said__deciding_stage",
    "model_version": "said__model_version",
    "first_guess": FIELDS["first_guess_genre"],
    "out_of_fold": Coalesce("said__out_of_fold", False),
    "suspected_label_error": Coalesce("said__suspected_label_error", False),
    "override": "override__genre__name",
    "decided_genre": "decision__genre__name",
    "decided_confidence": "decision__confidence",
    "decided_from": "decision__parts",
    "write_kind": "decision__kind",
    "tag_probability": "decision__tag_probability",
    "judgement": "judgement__genres",
    "judgement_act": "judgement__act",
    "extracted": has_vectors(),
    "analysis": "analysis",
    "analysis_reason": "analysis_reason",
    "analysis_message": "analysis_message",
    "in_plex": "in_plex",
}
