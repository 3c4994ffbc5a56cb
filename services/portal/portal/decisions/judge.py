"""Takes a person's word on a song that was put to them, or on its whole album."""

from django.contrib.auth.models import AnonymousUser, User
from django.db import transaction

from portal.decisions.album import album_mates
from portal.decisions.queue import question_of
from portal.genres.models import Genre
from portal.library.models import Track
from portal.verdicts.judgements import JUDGED
from portal.verdicts.models import Judgement, Override
from portal.verdicts.overrides import set_override


class NotAskedError(Exception):
    """The song is not to be judged any more; the message says why, for whoever just did."""


@transaction.atomic
def judge(
    track_id: int, genre: Genre | None, *, by: User | AnonymousUser | None, whole_album: bool = False
) -> Judgement:
    """Keep what a person said: `genre` is right, or none of ours is. The genre that was named stands as an override.

    `whole_album`: it holds for all songs of the album of which nobody has said anything, as one act of judging. A
    second time, by the same person, it changes nothing, but that it may be said of the album only then. Raises
    NotAskedError where somebody else was quicker, or the song is not to be asked about any more.
    """
    track = Track.objects.filter(pk=track_id).first()
    if track is None:
        raise NotAskedError("This song is gone.")
    mates = _locked(track, whole_album=whole_album)
    user = by if isinstance(by, User) else None
    there = Judgement.objects.select_related("by").filter(track=track_id).first()
    if there is not None:
        return _said_again(there, genre, mates, user)
    question = question_of(track_id)
    if question is None:
        raise NotAskedError(_why_not(track_id))
    if genre is not None:
        set_override([track_id, *mates], genre, note=JUDGED, user=user)
    said = Judgement(
        track=track,
        genres=[genre.pk] if genre else [],
        kind=question.kind,
        stratum=question.stratum,
        act=_act(track_id) if mates else "",
        by=user,
    )
    said.save()
    _keep_of_album(said, mates)
    return said


def _act(track_id: int) -> str:
    return f"album of song {track_id}"


def _keep_of_album(said: Judgement, mates: list[int]) -> None:
    Judgement.objects.bulk_create(
        Judgement(track_id=mate, kind=Judgement.Kind.ALBUM, genres=said.genres, act=said.act, by=said.by)
        for mate in mates
    )


def _locked(track: Track, *, whole_album: bool) -> list[int]:
    """Have whoever else is told of these songs wait; the ids of those that the word holds for besides the song."""
    mates = album_mates(track) if whole_album else Track.objects.none()
    songs = Track.objects.filter(pk__in=[track.pk, *mates.values_list("pk", flat=True)])
    held = list(songs.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    # Anew: of some of them somebody may have said something before we had them.
    return list(mates.filter(pk__in=held).values_list("pk", flat=True))


def _said_again(there: Judgement, genre: Genre | None, mates: list[int], user: User | None) -> Judgement:
    """The same by the same person, who perhaps says it of the album only now."""
    if there.by != user or there.genres != ([genre.pk] if genre else []):
        raise NotAskedError(
            f"{there.by or 'Somebody'} has judged this song already; what was said then stands."
        )
    if mates:
        if genre is not None:
            set_override(mates, genre, note=JUDGED, user=user)
        there.act = there.act or _act(there.track_id)
        there.save(update_fields=["act"])
        _keep_of_album(there, mates)
    return there


def _why_not(track_id: int) -> str:
    override = Override.objects.select_related("genre").filter(track=track_id).first()
    if override is not None:
        return f"The genre of this song was set meanwhile, to {override.genre}; nothing was changed."
    return "This song is not asked about any more: another one of its artist was judged, or it has changed meanwhile."
