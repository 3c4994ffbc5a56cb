"""The playlists and collections of the server, and the tracks that are in them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from sync import bounds
from sync.errors import InvalidRequestError, NothingThereError, SongListNotFoundError
from sync.listing import Window, page_size_asked, whole
from sync.plex import Plex

COLLECTION_TYPE = "18"


@dataclass(frozen=True, kw_only=True)
class SongList:
    """A playlist or a collection."""

    key: str
    title: str
    entry_count: int
    smart: bool
    """Plex works out by rules what is in it."""


@dataclass(frozen=True, kw_only=True)
class ListPage:
    """Some playlists or collections."""

    lists: tuple[SongList, ...]
    next_token: str
    """Empty on the last page."""


@dataclass(frozen=True, kw_only=True)
class Members:
    """Some tracks of a list."""

    rating_keys: tuple[str, ...]
    next_token: str
    """Empty on the last page."""


class SongLists:
    """Reads them page by page, as plexapi does: by the same addresses."""

    def __init__(self, plex: Plex) -> None:
        self._plex = plex

    def playlists(self, page_size: int, page_token: str) -> ListPage:
        """Playlists of music, in Plex's order."""
        rows, token = self._page("/playlists", {"playlistType": "audio"}, page_size, page_token)
        return ListPage(lists=tuple(_lists(rows, "Playlist", "leafCount")), next_token=token)

    def collections(self, library_key: str, page_size: int, page_token: str) -> ListPage:
        """Collections of a library that is there."""
        path = f"/library/sections/{library_key}/all"
        rows, token = self._page(path, {"type": COLLECTION_TYPE}, page_size, page_token)
        return ListPage(lists=tuple(_lists(rows, "Directory", "childCount")), next_token=token)

    def playlist_members(self, key: str, page_size: int, page_token: str) -> Members:
        """Tracks of a playlist. Raises SongListNotFoundError."""
        try:
            rows, token = self._page(f"/playlists/{_number(key)}/items", {}, page_size, page_token)
        except NothingThereError as error:
            raise _not_found("playlist", key) from error
        return self._members(rows, token)

    def collection_members(self, key: str, page_size: int, page_token: str) -> Members:
        """Tracks of a collection, or of its albums or artists. Raises SongListNotFoundError."""
        try:
            rows, token = self._page(
                f"/library/collections/{_number(key)}/children", {}, page_size, page_token
            )
        except NothingThereError as error:
            raise _not_found("collection", key) from error
        return self._members(rows, token)

    def _members(self, rows: Iterable[Element], token: str) -> Members:
        keys = [key for row in rows for key in self._tracks_of(row)]
        return Members(rating_keys=tuple(keys), next_token=token)

    def _tracks_of(self, row: Element) -> Iterator[str]:
        key = bounds.exact(row, "ratingKey", [], bounds.LONGEST_ID)
        if row.tag == "Track":
            yield key
        elif row.get("type") in ("album", "artist") and key.isdecimal():
            address = {"album": "children", "artist": "allLeaves"}[row.get("type", "")]
            try:
                answer = self._plex.get(f"/library/metadata/{key}/{address}")
            except NothingThereError:
                return  # it went while the list was read
            yield from (
                bounds.exact(track, "ratingKey", [], bounds.LONGEST_ID) for track in answer.iter("Track")
            )

    def _page(
        self, path: str, parameters: dict[str, str], page_size: int, page_token: str
    ) -> tuple[list[Element], str]:
        size, start = page_size_asked(page_size), _offset(page_token)

        def fetch(start: int, size: int) -> Window[Element]:
            answer = self._plex.get(path, parameters, start=start, size=size)
            total = bounds.count(answer.get("totalSize", ""))
            rows = list(answer)
            # Whoever does not say how many there are has sent all of them.
            return Window(start=start, tracks=rows, total_size=start + len(rows) if total is None else total)

        window = whole(fetch, start, size)
        more = window.tracks and window.end < window.total_size
        return list(window.tracks), str(window.end) if more else ""


def _lists(rows: Iterable[Element], tag: str, count: str) -> Iterator[SongList]:
    for row in rows:
        if row.tag == tag:
            yield SongList(
                key=bounds.exact(row, "ratingKey", [], bounds.LONGEST_ID),
                title=bounds.text(row, "title", []),
                entry_count=bounds.number(row, count, []),
                smart=row.get("smart") == "1",
            )


def _number(key: str) -> str:
    # What is no number is no key, and has no place in an address.
    if not (key.isascii() and key.isdecimal()):
        raise InvalidRequestError(f"{key!r} is no key of a playlist or collection: list them to find it")
    return key


def _offset(page_token: str) -> int:
    offset = bounds.count(page_token or "0")
    if offset is None:
        raise InvalidRequestError(
            f"page_token {page_token!r} was not made by this service: start with an empty one"
        )
    return offset


def _not_found(kind: str, key: str) -> SongListNotFoundError:
    return SongListNotFoundError(f"Plex has no {kind} {key}: it was deleted, or made anew under another key")
