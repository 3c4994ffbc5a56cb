"""Puts the first votes of tags into the database."""

from typing import Any

from portal.first_guess.votes import VOTES


def plant(vote_model: Any, genre_model: Any) -> None:
    """Add the votes for those of the first genres that are there under their names. A migration has its own models."""
    ids = dict(genre_model.objects.filter(name__in=VOTES).values_list("name", "pk"))
    vote_model.objects.bulk_create(
        (
            vote_model(tag=tag, genre_id=ids[genre], weight=weight)
            for genre, weights in VOTES.items()
            if genre in ids
            for tag, weight in weights.items()
        ),
        ignore_conflicts=True,
    )
