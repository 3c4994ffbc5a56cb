"""The playlists and collections of the server, and the tracks that are in them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from sync import bounds
from sync.errors import AnotherSongListError, InvalidRequestError, NothingThereError, SongListNotFoundError
from sync.identity import SongListIdentity, is_another_list
from sync.listing import Window, page_size_asked, whole
from sync.plex import Plex
from sync.tracks import Track, tracks_of

COLLECTION_TYPE = "18"


@dataclass(frozen=True, kw_only=True)
class SongList:
    """A playlist or a collection."""

    key: str
    title: str
    entry_count: int
    smart: bool
    """Plex works out by rules what is in it."""
    guid: str = ""
    """Empty where Plex gives none."""
    library_key: str = ""
    """Of a collection; playlists have tracks of several libraries."""


@dataclass(frozen=True, kw_only=True)
class ListPage:
    """Some playlists or collections."""

    lists: tuple[SongList, ...]
    next_token: str
    """Empty on the last page."""


@dataclass(frozen=True, kw_only=True)
class Members:
    """Some tracks of a list."""

    song_list: SongList
    """The list itself, as Plex has it now."""
    tracks: tuple[Track, ...]
    next_token: str
    """Empty on the last page."""


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """Where Plex has lists of a kind, and how it calls them."""

    name: str
    address: str
    members: str
    """Below the address of a list."""
    tag: str
    count: str
    """The attribute that counts its entries."""


_PLAYLIST = _Kind(name="playlist", address="/playlists", members="items", tag="Playlist", count="leafCount")
_COLLECTION = _Kind(
    name="collection",
    address="/library/collections",
    members="children",
    tag="Directory",
    count="childCount",
)


class SongLists:
    """Reads them page by page, as plexapi does: by the same addresses."""

    def __init__(self, plex: Plex) -> None:
        self._plex = plex

    def playlists(self, page_size: int, page_token: str) -> ListPage:
        """Playlists of music, in Plex's order."""
        with self._plex.held():
            rows, token = self._page("/playlists", {"playlistType": "audio"}, _asked(page_size, page_token))
        return ListPage(lists=tuple(_lists(rows, _PLAYLIST)), next_token=token)

    def collections(self, library_key: str, page_size: int, page_token: str) -> ListPage:
        """Collections of a library that is there."""
        path = f"/library/sections/{library_key}/all"
        rows, token = self._page(path, {"type": COLLECTION_TYPE}, _asked(page_size, page_token))
        return ListPage(lists=tuple(_lists(rows, _COLLECTION)), next_token=token)

    def playlist_members(
        self, key: str, page_size: int, page_token: str, expected: SongListIdentity | None = None
    ) -> Members:
        """Tracks of a playlist. Raises SongListNotFoundError, AnotherSongListError (it is not the `expected` one)."""
        with self._plex.held():
            return self._members(_PLAYLIST, key, _asked(page_size, page_token), expected)

    def collection_members(
        self, key: str, page_size: int, page_token: str, expected: SongListIdentity | None = None
    ) -> Members:
        """The same of a collection, or of its albums or artists."""
        with self._plex.held():
            return self._members(_COLLECTION, key, _asked(page_size, page_token), expected)

    def _members(
        self, kind: _Kind, key: str, asked: tuple[int, int], expected: SongListIdentity | None
    ) -> Members:
        address = f"{kind.address}/{_number(key)}"
        try:
            # Its members are told without its guid, so it is asked for first, before each page.
            song_list = next(_lists(self._plex.get(address), kind), None)
            if song_list is None:
                raise _not_found(kind, key)
            _refuse_another(kind, song_list, expected)
            rows, token = self._page(f"{address}/{kind.members}", {}, asked)
        except NothingThereError as error:
            raise _not_found(kind, key) from error
        tracks = tuple(track for row in rows for track in self._tracks_of(row, song_list.library_key))
        return Members(song_list=song_list, tracks=tracks, next_token=token)

    def _tracks_of(self, row: Element, library_key: str) -> Iterable[Track]:
        if row.tag == "Track":
            return [Track.from_element(row, library_key)]
        key = bounds.exact(row, "ratingKey", [], bounds.LONGEST_ID)
        if row.get("type") not in ("album", "artist") or not key.isdecimal():
            return []
        address = {"album": "children", "artist": "allLeaves"}[row.get("type", "")]
        try:
            return tracks_of(self._plex.get(f"/library/metadata/{key}/{address}"), library_key)
        except NothingThereError:
            return []  # it went while the list was read

    def _page(
        self, path: str, parameters: dict[str, str], asked: tuple[int, int]
    ) -> tuple[list[Element], str]:
        size, start = asked

        def fetch(start: int, size: int) -> Window[Element]:
            answer = self._plex.get(path, parameters, start=start, size=size)
            total = bounds.count(answer.get("totalSize", ""))
            rows = list(answer)
            # Whoever does not say how many there are has sent all of them.
            return Window(start=start, tracks=rows, total_size=start + len(rows) if total is None else total)

        window = whole(fetch, start, size)
        more = window.tracks and window.end < window.total_size
        return list(window.tracks), str(window.end) if more else ""


def _lists(rows: Iterable[Element], kind: _Kind) -> Iterator[SongList]:
    for row in rows:
        if row.tag == kind.tag:
            yield SongList(
                key=bounds.exact(row, "ratingKey", [], bounds.LONGEST_ID),
                title=bounds.text(row, "title", []),
                entry_count=bounds.number(row, kind.count, []),
                smart=row.get("smart") == "1",
                guid=bounds.exact(row, "guid", [], bounds.LONGEST_GUID),
                library_key=bounds.exact(row, "librarySectionID", [], bounds.LONGEST_KEY),
            )


def _refuse_another(kind: _Kind, there: SongList, expected: SongListIdentity | None) -> None:
    if expected is None or not is_another_list(
        SongListIdentity(guid=there.guid, title=there.title), expected
    ):
        return
    meant = f"“{expected.title}”" if expected.title else f"the one with the guid {expected.guid}"
    raise AnotherSongListError(
        f"key {there.key} was given to another {kind.name}: Plex has “{there.title}” there now, and not {meant}. "
        f"Nothing was read; look for {meant} among the {kind.name}s that Plex has now"
    )


def _number(key: str) -> str:
    # What is no number is no key, and has no place in an address.
    if not (key.isascii() and key.isdecimal()):
        raise InvalidRequestError(f"{key!r} is no key of a playlist or collection: list them to find it")
    return key


def _asked(page_size: int, page_token: str) -> tuple[int, int]:
    """How many entries, and from which on; what makes no sense is refused before Plex is asked for anything."""
    return page_size_asked(page_size), _offset(page_token)


def _offset(page_token: str) -> int:
    offset = bounds.count(page_token or "0")
    if offset is None:
        raise InvalidRequestError(
            f"page_token {page_token!r} was not made by this service: start with an empty one"
        )
    return offset


def _not_found(kind: _Kind, key: str) -> SongListNotFoundError:
    return SongListNotFoundError(
        f"Plex has no {kind.name} {key}: it was deleted, or made anew under another key"
    )
