"""The album of a song that is put to a person, where it can be judged at once."""

from django.db.models import QuerySet

from portal.library.models import InPlex, Track
from portal.library.presence import present


def album_mates(track: Track) -> QuerySet[Track]:
    """The other songs of its album, as Plex has it, of which nobody has said anything."""
    if not track.album.strip():
        return Track.objects.none()
    album = Track.objects.filter(
        present(), library=track.library_id, album=track.album, album_artist=track.album_artist
    )
    if not track.album_artist:
        album = album.filter(artist=track.artist)
    said_nothing = album.filter(override=None, judgement=None).exclude(in_plex=InPlex.EXCLUDED)
    return said_nothing.exclude(pk=track.pk).order_by("pk")
