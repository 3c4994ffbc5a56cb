"""Knows songs again whose files were only retagged or moved, before they are classified: nothing is decoded."""

from collections.abc import Sequence

from runtime.errors import RemoteError

from portal.extraction.extraction_run import keep_extraction, source_of
from portal.library.models import Analysis, Track
from portal.library.vectors import has_vectors
from portal.preferences.values import Preferences
from portal.remote.features import FeaturesClient


def recognise(features: FeaturesClient, tracks: Sequence[Track], settings: Preferences) -> list[Track]:
    """The tracks; those of another file than before read anew, since features has said whether it sounds the same.

    A song that cannot be read stays as it is: its classification extracts anew, and says why that fails.
    """
    songs = list(
        Track.objects.filter(has_vectors(), pk__in=[track.pk for track in tracks], analysis=Analysis.PENDING)
        .exclude(file="")
        .select_related("audio")
    )
    for track in songs:
        keys = (track.audio.content_key,) if track.audio else ()
        try:
            result = features.extract(source_of(track), settings=settings, known_keys=keys)
        except RemoteError:
            continue
        keep_extraction(track, result)
    anew = Track.objects.in_bulk([track.pk for track in songs])
    return [anew.get(track.pk, track) for track in tracks]
