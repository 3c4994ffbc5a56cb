"""Takes a person's word on a song that was put to them."""

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction

from portal.decisions.queue import question_of
from portal.genres.models import Genre
from portal.library.models import Track
from portal.verdicts.models import Judgement, Override
from portal.verdicts.overrides import set_override

NOTE = "judged"


class NotAskedError(Exception):
    """The song is not to be judged any more; the message says why, for whoever just did."""


@transaction.atomic
def judge(track_id: int, genre: Genre | None, *, by: User | AnonymousUser | None) -> Judgement:
    """Keep what a person said: `genre` is right, or none of ours is. The genre that was named stands as an override.

    A second time, by the same person, it changes nothing. Raises NotAskedError where somebody else was quicker, or the
    song is not to be asked about any more.
    """
    # Whoever else is told of this song waits.
    if not Track.objects.select_for_update(no_key=True).filter(pk=track_id).exists():
        raise NotAskedError("This song is gone.")
    user = by if isinstance(by, User) else None
    genres = [genre.pk] if genre else []
    there = Judgement.objects.select_related("by").filter(track=track_id).first()
    if there is not None:
        if there.by == user and there.genres == genres:
            return there
        raise NotAskedError(
            f"{there.by or 'Somebody'} has judged this song already; what was said then stands."
        )
    question = question_of(track_id)
    if question is None:
        raise NotAskedError(_why_not(track_id))
    if genre is not None:
        set_override([track_id], genre, note=NOTE, user=user)
    return Judgement.objects.create(
        track_id=track_id, genres=genres, kind=question.kind, stratum=question.stratum, by=user
    )


def _why_not(track_id: int) -> str:
    override = Override.objects.select_related("genre").filter(track=track_id).first()
    if override is not None:
        return f"The genre of this song was set meanwhile, to {override.genre}; nothing was changed."
    return "This song is not asked about any more: another one of its artist was judged, or it has changed meanwhile."
