"""Audio that a song may turn out to be: its keys spare features the decoding when the file was only moved or copied."""

from collections.abc import Mapping

from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Abs

from portal.library.models import Audio, Track, Vector

# Plex and the decoder count a song's length differently, by a frame of the codec or two, and rarely by more.
NEARLY_SECONDS = 1.0
# In a library of 100,000 songs some hundreds lie within a second; the one that is meant is among the closest.
MOST_KEYS = 200


def known_keys(track: Track, versions: Mapping[str, str]) -> tuple[str, ...]:
    """Content keys of audio that has all of these vectors: the song's own before, then the closest in length."""
    complete = Audio.objects.all()
    for kind, version in versions.items():
        made = Vector.objects.filter(audio=OuterRef("pk"), kind=kind, version=version)
        complete = complete.filter(Exists(made))
    before = complete.filter(pk=track.audio_id or 0).values_list("content_key", flat=True)
    length = track.duration_seconds
    alike = complete.filter(
        duration_seconds__range=(length - NEARLY_SECONDS, length + NEARLY_SECONDS)
    ).order_by(Abs(F("duration_seconds") - length))
    keys = [*before, *alike.values_list("content_key", flat=True)[:MOST_KEYS]]
    return tuple(dict.fromkeys(keys))
