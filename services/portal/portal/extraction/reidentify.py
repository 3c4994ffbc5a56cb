"""Knows songs again whose files were only retagged or moved, before they are judged: nothing is decoded for that."""

from collections.abc import Sequence

from django.db.models import Exists, OuterRef
from runtime.errors import RemoteError

from portal.extraction.extraction_run import keep_heard, source_of
from portal.library.models import Analysis, Track, Vector
from portal.preferences.values import Preferences
from portal.remote.features import FeaturesClient


def recognise(features: FeaturesClient, tracks: Sequence[Track], wishes: Preferences) -> list[Track]:
    """The tracks; those of another file than before read anew, since features has said whether it sounds the same.

    A song that cannot be read stays as it is: judging it listens, and says why that fails.
    """
    has_vectors = Exists(Vector.objects.filter(audio=OuterRef("audio")))
    songs = list(
        Track.objects.filter(has_vectors, pk__in=[track.pk for track in tracks], analysis=Analysis.PENDING)
        .exclude(file="")
        .select_related("audio")
    )
    for track in songs:
        keys = (track.audio.content_key,) if track.audio else ()
        try:
            heard = features.extract(source_of(track), settings=wishes, known_keys=keys)
        except RemoteError:
            continue
        keep_heard(track, heard)
    anew = Track.objects.in_bulk([track.pk for track in songs])
    return [anew.get(track.pk, track) for track in tracks]
