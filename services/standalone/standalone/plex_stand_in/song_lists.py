"""Playlists and collections of the stand-in: made, filled and taken away as plexapi asks for it."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from urllib.parse import unquote
from uuid import uuid4

from standalone.plex_stand_in.behaviour import BehaviourError
from standalone.plex_stand_in.storage import Storage

FIRST_KEY = 800_000_000


@dataclass(frozen=True, kw_only=True)
class SongList:
    """A playlist, or a collection of a library."""

    rating_key: int
    title: str
    library_key: int | None
    """None for a playlist."""
    subtype: str = "track"
    """Of a collection: track, album or artist."""
    members: tuple[int, ...] = ()
    """Keys of what is in it, in order."""
    guid: str = ""
    """As Plex makes it up for a new one; it stays when the list gets another key."""


class SongLists:
    """All of them, kept over a restart."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        kept = (SongList(**each | {"members": tuple(each["members"])}) for each in storage.song_lists())
        self._lists = {each.rating_key: each for each in kept}

    def playlists(self) -> list[SongList]:
        """The playlists."""
        return [each for each in self._lists.values() if each.library_key is None]

    def collections(self, library_key: int) -> list[SongList]:
        """The collections of a library."""
        return [each for each in self._lists.values() if each.library_key == library_key]

    def get(self, rating_key: int, *, playlist: bool) -> SongList | None:
        """The one with this key, if it is what is asked for."""
        found = self._lists.get(rating_key)
        return found if found and (found.library_key is None) == playlist else None

    def make(self, title: str, members: Iterable[int], *, library_key: int | None, subtype: str) -> SongList:
        """A new one."""
        scheme = "com.plexapp.agents.none" if library_key is None else "collection"
        return self._keep(
            SongList(
                rating_key=max(self._lists, default=FIRST_KEY) + 1,
                title=title,
                library_key=library_key,
                subtype=subtype,
                members=tuple(members),
                guid=f"{scheme}://{uuid4()}",
            )
        )

    def add(self, song_list: SongList, members: Iterable[int]) -> SongList:
        """Put more into it."""
        return self._keep(replace(song_list, members=(*song_list.members, *members)))

    def renumber(self, keys: Mapping[int, int]) -> None:
        """The same songs under their new keys; old keys may be new ones of others."""
        for each in list(self._lists.values()):
            if each.subtype == "track":
                self._keep(replace(each, members=tuple(keys.get(key, key) for key in each.members)))

    def rekey(self, keys: Mapping[int, int]) -> None:
        """Give lists the keys of others, as a server does whose database was made anew: new keys by old ones."""
        moving = [self._lists[old] for old in keys]
        taken = {keys[each.rating_key] for each in moving}
        if len(taken) < len(moving) or taken & (self._lists.keys() - keys.keys()):
            raise BehaviourError("two lists would have one rating key")
        for each in moving:
            self.remove(each)
        for each in moving:
            self._keep(replace(each, rating_key=keys[each.rating_key]))

    def put(self, song_list: SongList) -> None:
        """Have one back as it was, as a backup brings it."""
        self._keep(song_list)

    def retitle(self, rating_key: int, title: str) -> None:
        """Give a list another title, as a person does in Plex."""
        self._keep(replace(self._lists[rating_key], title=title))

    def remove(self, song_list: SongList) -> None:
        """Take it away."""
        del self._lists[song_list.rating_key]
        self._storage.forget_song_list(song_list.rating_key)

    def _keep(self, each: SongList) -> SongList:
        self._lists[each.rating_key] = each
        self._storage.save_song_list(each.rating_key, asdict(each))
        return each


def keys_in(uri: str) -> tuple[int, ...]:
    """The rating keys that plexapi names in `server://<id>/com.plexapp.plugins.library/library/metadata/1,2`."""
    return tuple(int(key) for key in unquote(uri).rpartition("/")[2].split(",") if key.isdecimal())
