"""Reads the songs of a set's playlist or collection: of the one that is meant, under whichever key Plex has it now."""

from dataclasses import dataclass
from functools import cached_property

from runtime.errors import RemoteError

from portal.library.models import Library
from portal.remote.plex import PlexServer, SongList
from portal.remote.sync import SyncClient
from portal.teaching.models import TaughtSet
from portal.teaching.recognition import recognise

# As sync says it.
ANOTHER_SONG_LIST, SONG_LIST_NOT_FOUND = "ANOTHER_SONG_LIST", "SONG_LIST_NOT_FOUND"


class AnotherListError(Exception):
    """Another list stands in place of a set's own, or another server; the message says which, and what to do."""


@dataclass(frozen=True, kw_only=True)
class ListReading:
    """What was read of a list."""

    song_list: SongList
    """As Plex has it now."""
    track_ids: frozenset[int]
    unknown: int
    """Tracks in it that only a sync can tell."""


class ListsInPlex:
    """The lists of the server, for as long as some sets are read; what all of them need is asked once."""

    def __init__(self, sync: SyncClient) -> None:
        self._sync = sync

    def read(self, taught_set: TaughtSet) -> ListReading:
        """The songs of a set's list. Raises AnotherListError, RemoteError.

        1. Of another server nothing is read, whatever it has under the key.
        2. Read the list under the key, if it is the set's own.
        3. Where it is not, or is gone, look for its guid under other keys: the server was made anew.
        """
        if taught_set.server_id != self._server.machine_identifier:
            raise AnotherListError(_of_another_server(taught_set, self._server))
        try:
            return self._read(taught_set, taught_set.list_key)
        except RemoteError as error:
            if error.reason not in (ANOTHER_SONG_LIST, SONG_LIST_NOT_FOUND):
                raise
            moved_to = self._key_by_guid(taught_set)
            if moved_to:
                return self._read(taught_set, moved_to)
            if error.reason == ANOTHER_SONG_LIST:
                raise AnotherListError(_another_under_its_key(taught_set, error)) from error
            raise

    def _read(self, taught_set: TaughtSet, key: str) -> ListReading:
        is_playlist = taught_set.source == TaughtSet.Source.PLAYLIST
        members = self._sync.playlist_members if is_playlist else self._sync.collection_members
        song_list = SongList(key=key, title=taught_set.title, entry_count=0, guid=taught_set.list_guid)
        track_ids: set[int] = set()
        unknown = 0
        for page in members(key, guid=taught_set.list_guid, title=taught_set.title):
            song_list = page.song_list
            found = recognise(taught_set.server_id, page.tracks)
            track_ids |= found.track_ids
            unknown += found.unknown
        return ListReading(song_list=song_list, track_ids=frozenset(track_ids), unknown=unknown)

    def _key_by_guid(self, taught_set: TaughtSet) -> str:
        """The key under which the list is now; empty where it is nowhere, or cannot be told from another."""
        if not taught_set.list_guid:
            return ""
        of_source = self._playlists if taught_set.source == TaughtSet.Source.PLAYLIST else self._collections
        keys = [each.key for each in of_source if each.guid == taught_set.list_guid]
        return keys[0] if len(keys) == 1 else ""

    @cached_property
    def _server(self) -> PlexServer:
        return self._sync.check_server()

    @cached_property
    def _playlists(self) -> list[SongList]:
        return self._sync.playlists()

    @cached_property
    def _collections(self) -> list[SongList]:
        libraries = Library.objects.filter(
            server_id=self._server.machine_identifier, removed_time=None
        ).order_by("pk")
        return [each for library in libraries for each in self._sync.collections(library.key)]


def _another_under_its_key(taught_set: TaughtSet, error: RemoteError) -> str:
    return (
        f"{error.message.rstrip('.')}. The set goes on by itself when “{taught_set.title}” is back in Plex; where it "
        f"was made anew there, teach {taught_set.genre} from the new one and delete this set."
    )


def _of_another_server(taught_set: TaughtSet, server: PlexServer) -> str:
    return (
        f"“{taught_set.title}” is a list of another Plex server than “{server.name}”, which is connected now. The set "
        f"goes on by itself when its server is connected again; where “{server.name}” has taken its place, teach "
        f"{taught_set.genre} from a list there and delete this set."
    )
