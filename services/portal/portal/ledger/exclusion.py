"""Songs that a person wants never to be written, and back."""

from collections.abc import Iterable

from portal.ledger.plex_state import restore_plex_state
from portal.library.models import InPlex, Track


def exclude(track_ids: Iterable[int]) -> int:
    """No plan takes these songs any more; how many that are."""
    return Track.objects.filter(pk__in=list(track_ids)).update(in_plex=InPlex.EXCLUDED)


def include(track_ids: Iterable[int]) -> int:
    """Plans may take these songs again, each in the state that its last write left; how many were excluded."""
    return restore_plex_state(track_ids, instead_of=InPlex.EXCLUDED)
