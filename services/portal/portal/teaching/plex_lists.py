"""The playlists and collections that a set can be taught from, as a page asks for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from runtime.errors import RemoteError

from portal.library.models import Library
from portal.library.presence import unchosen_libraries
from portal.remote.calls import channel_to
from portal.remote.sync import SongList, SyncClient
from portal.teaching.models import TaughtSet

TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class PlexLists:
    """What Plex has."""

    server_id: str = ""
    playlists: tuple[SongList, ...] = ()
    collections: tuple[tuple[str, SongList], ...] = ()
    """Each with the title of its library."""
    trouble: str = ""
    """Why nobody could be asked."""

    def choices(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """For a field to choose from."""
        playlists = [(f"{TaughtSet.Source.PLAYLIST} {each.key}", _shown(each)) for each in self.playlists]
        collections = [
            (f"{TaughtSet.Source.COLLECTION} {each.key}", f"{library}: {_shown(each)}")
            for library, each in self.collections
        ]
        named = (("Playlists", playlists), ("Collections", collections))
        return [(name, found) for name, found in named if found]

    def title_of(self, source: str, key: str) -> str:
        """The title of one of them; empty where it is not there."""
        of_source = (
            self.playlists if source == TaughtSet.Source.PLAYLIST else [each for _, each in self.collections]
        )
        return next((each.title for each in of_source if each.key == key), "")


def lists_now() -> PlexLists:
    """What Plex has now; empty, with the reason, where it cannot be asked."""
    try:
        with sync_now() as sync:
            server = sync.check_server(timeout_seconds=TIMEOUT_SECONDS)
            libraries = Library.objects.filter(server_id=server.machine_identifier, removed_time=None)
            libraries = libraries.exclude(pk__in=unchosen_libraries())
            return PlexLists(
                server_id=server.machine_identifier,
                playlists=tuple(sync.playlists(timeout_seconds=TIMEOUT_SECONDS)),
                collections=tuple(
                    (library.title, each)
                    for library in libraries.order_by("title")
                    for each in sync.collections(library.key, timeout_seconds=TIMEOUT_SECONDS)
                ),
            )
    except RemoteError as error:
        return PlexLists(trouble=error.message)


@contextmanager
def sync_now() -> Iterator[SyncClient]:
    """The sync service for one page."""
    channel = channel_to(settings.RECLASS, "sync", patient=False)
    try:
        yield SyncClient(channel)
    finally:
        channel.close()


def _shown(each: SongList) -> str:
    return f"{each.title} ({each.entry_count})"
