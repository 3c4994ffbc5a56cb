"""Puts the first votes of tags into the database, and those of them back that were taken out."""

from typing import Any

from portal.first_guess.votes import VOTES


def plant(vote_model: Any, genre_model: Any) -> None:
    """Add the votes for those of the first genres that are there under their names. A migration has its own models."""
    vote_model.objects.bulk_create(missing_votes(vote_model, genre_model), ignore_conflicts=True)


def missing_votes(vote_model: Any, genre_model: Any) -> list[Any]:
    """Those of the first votes, unsaved, that are not there; one that is, with whichever weight, stays as it is."""
    ids = dict(genre_model.objects.filter(name__in=VOTES).values_list("name", "pk"))
    there = set(vote_model.objects.values_list("tag", "genre"))
    return [
        vote_model(tag=tag, genre_id=ids[genre], weight=weight)
        for genre, weights in VOTES.items()
        if genre in ids
        for tag, weight in weights.items()
        if (tag, ids[genre]) not in there
    ]
