"""The playlists and collections that a set can be taught from, as a page asks for them."""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import Q
from runtime.errors import RemoteError

from portal.genres.models import Genre
from portal.library.models import Library
from portal.library.presence import unchosen_libraries
from portal.remote.plex import SongList
from portal.remote.sync import sync_at_hand
from portal.teaching.models import TaughtSet

TIMEOUT_SECONDS = 5.0
Source = TaughtSet.Source


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
        playlists = [(_choice(Source.PLAYLIST, each), _list_title(each)) for each in self.playlists]
        collections = [
            (_choice(Source.COLLECTION, each), f"{library}: {_list_title(each)}")
            for library, each in self.collections
        ]
        named = (("Playlists", playlists), ("Collections", collections))
        return [(name, found) for name, found in named if found]

    def taught_set(self, genre: Genre, choice: str) -> TaughtSet:
        """The set of the list that was chosen, that of an earlier time where it is there."""
        source, _, _ = choice.partition(" ")
        lists = self.playlists if source == Source.PLAYLIST else [each for _, each in self.collections]
        chosen = next(each for each in lists if _choice(source, each) == choice)
        by_title = Q(list_key=chosen.key, title=chosen.title)
        same = Q(list_guid=chosen.guid) | Q(by_title, list_guid="") if chosen.guid else by_title
        sets = TaughtSet.objects.filter(genre=genre, source=source, server_id=self.server_id)
        return sets.filter(same).first() or TaughtSet.objects.create(
            genre=genre,
            source=source,
            title=chosen.title,
            server_id=self.server_id,
            list_key=chosen.key,
            list_guid=chosen.guid,
        )


def lists_now() -> PlexLists:
    """What Plex has now; empty, with the reason, where it cannot be asked."""
    try:
        with sync_at_hand(settings.RECLASS) as sync:
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


def _choice(source: str, each: SongList) -> str:
    # More than its key, which may have gone to another list while somebody looked at the form.
    return f"{source} {each.key} {each.guid or each.title}"


def _list_title(each: SongList) -> str:
    return f"{each.title} ({each.entry_count})"
