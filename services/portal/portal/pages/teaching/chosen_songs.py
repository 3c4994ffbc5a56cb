"""Teaches a genre with songs that were chosen in the list."""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from portal.labels.tags import relabel
from portal.pages.teaching.forms import GenreToTeach
from portal.teaching.members import add
from portal.teaching.models import TaughtSet
from portal.teaching.results import told

TITLE = "chosen in the list of songs"


def teach_with(form: GenreToTeach, track_ids: Iterable[int]) -> str:
    """Add these songs to the genre's chosen ones; what to tell."""
    with transaction.atomic():
        genre, new = form.taught_genre()
        chosen, _ = TaughtSet.objects.get_or_create(
            genre=genre, source=TaughtSet.Source.SELECTION, title=TITLE, list_key=""
        )
        add(chosen, track_ids)
        TaughtSet.objects.filter(pk=chosen.pk).update(read_time=timezone.now())
    if new:
        relabel()  # its name may stand in tags
    return told(genre, new=new)
