"""Puts the first genres and their aliases into the database."""

from typing import Any

from portal.genres.aliases import ALIASES, CUSTOM, DESCRIPTIONS
from portal.genres.spelling import normalised


def plant(genre_model: Any = None, alias_model: Any = None) -> None:
    """Add the genres and aliases that are missing; what a person has changed stays. A migration hands in its models."""
    if genre_model is None or alias_model is None:
        from portal.genres.models import Alias, Genre  # the models need Django to be set up first

        genre_model, alias_model = Genre, Alias
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
