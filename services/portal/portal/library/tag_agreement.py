"""Whether the AI and a song's tags say the same."""

from django.db import models
from django.db.models import Case, CharField, F, Q, Value, When

from portal.library.models import InPlex


class Agreement(models.TextChoices):
    """How a song's verdict stands to its tags, as they were before anything was written."""

    AGREES = "agrees", "Agrees"
    PUT_RIGHT = "put right", "Put right"
    DIFFERS = "differs", "Differs"
    NO_TAG = "no tag", "No known tag"
    NO_VERDICT = "no verdict", "No verdict"


def agreement(verdict_genre: str) -> Case:
    """An expression over the field that holds the id of the verdict's genre, or nothing, and those of the tags."""
    return Case(
        When(**{f"{verdict_genre}__isnull": True}, then=Value(Agreement.NO_VERDICT.value)),
        When(
            Q(**{verdict_genre: F("tag_genre_id")}) | Q(additional_tag_genres__contains=[F(verdict_genre)]),
            then=Value(Agreement.AGREES.value),
        ),
        When(in_plex=InPlex.WRITTEN, then=Value(Agreement.PUT_RIGHT.value)),
        When(tag_genre_id__isnull=True, then=Value(Agreement.NO_TAG.value)),
        default=Value(Agreement.DIFFERS.value),
        output_field=CharField(),
    )
