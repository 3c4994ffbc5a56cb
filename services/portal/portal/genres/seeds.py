"""Puts the first genres and their aliases into the database."""

from typing import Any

from portal.genres.aliases import ALIASES, CUSTOM, DESCRIPTIONS
from portal.genres.spelling import normalised


def plant(genre_model: Any, alias_model: Any) -> None:
    """Add the genres and aliases that are missing; what a person has changed stays. A migration has its own models."""
    genre_model.objects.bulk_create(
        (genre_model(name=name, custom=name in CUSTOM, description=DESCRIPTIONS[name]) for name in ALIASES),
        ignore_conflicts=True,
    )
    ids = dict(genre_model.objects.filter(name__in=ALIASES).values_list("name", "pk"))
    alias_model.objects.bulk_create(
        (
            alias_model(spelling=spelling, normalised=normalised(spelling), genre_id=ids[name])
            for name, spellings in ALIASES.items()
            for spelling in spellings
            if normalised(spelling) != normalised(name)
        ),
        ignore_conflicts=True,
    )
