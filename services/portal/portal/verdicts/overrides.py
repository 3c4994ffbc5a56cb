"""A person's word on songs: given, and taken back; a judgement follows, for it is the same person's word."""

from collections.abc import Iterable

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q
from django.utils import timezone

from portal.genres.models import Genre
from portal.library.models import Track
from portal.verdicts.judgements import judged_together
from portal.verdicts.models import Judgement, Override


def set_override(
    track_ids: Iterable[int],
    genre: Genre,
    *,
    note: str,
    user: User | AnonymousUser | None,
    from_first_guess: bool = False,
) -> int:
    """Make `genre` the shown one of these songs, whatever was said before; how many songs that were.

    `from_first_guess`: a guess was taken for it, which can be taken back without what was said by hand.
    """
    now = timezone.now()
    by = user if isinstance(user, User) else None
    overrides = [
        Override(
            track_id=track_id,
            genre=genre,
            note=note,
            by=by,
            from_first_guess=from_first_guess,
            created_time=now,
        )
        for track_id in track_ids
    ]
    Override.objects.bulk_create(
        overrides,
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["track"],
        update_fields=["genre", "note", "by", "from_first_guess", "created_time"],
    )
    Judgement.objects.filter(track__in=[each.track_id for each in overrides]).update(genres=[genre.pk])
    return len(overrides)


def clear_override(track_ids: Iterable[int]) -> int:
    """Let the AI's word stand again; how many songs a person had said something of.

    Songs that were judged at once, such as an album, are taken back at once.
    """
    ids = set(track_ids)
    ids |= judged_together(ids)
    was_said = Q(override__isnull=False) | Q(judgement__isnull=False)
    songs = Track.objects.filter(was_said, pk__in=ids).count()
    Judgement.objects.filter(track__in=ids).delete()
    Override.objects.filter(track_id__in=ids).delete()
    return songs
