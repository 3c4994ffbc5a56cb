"""Where a song stands in the list that a person came from: the way back to it, and the songs before and after."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.exceptions import DisallowedModelAdminLookup
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.http import HttpRequest, QueryDict
from django.urls import reverse

FILTERS = "_changelist_filters"
"""As the admin calls it: the query of the list, in the address of a page that it leads to."""
AT = "_at"
"""Where the song stood in the list before what was done to it took it out of there."""
LONGEST_NUMBER = 9
"""Digits that the place of a song can have."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A song among those of a list."""

    back: str
    """Address of the list, as it was filtered and sorted."""
    at: int | None = None
    """How many stand before the song; None where the list does not say."""
    is_in: bool = False
    """It stands there now; else it did before."""
    count: int = 0
    """Songs in the list."""
    previous: str = ""
    """Address of the song before it; empty where there is none."""
    next: str = ""

    @property
    def number(self) -> int:
        """Counted from one."""
        return (self.at or 0) + 1


def place_of(request: HttpRequest, track_id: int, songs_of: Callable[[HttpRequest], Any]) -> Place | None:
    """The song's place in the list that the request's address names; None where a person came from elsewhere.

    `songs_of` makes the list of a request. A song that fits the filter no more, for somebody has just decided it, has
    the neighbours that stand now where it stood.
    """
    filters = request.GET.get(FILTERS)
    if filters is None:
        return None
    listed = copy(request)
    listed.GET = QueryDict(filters)
    try:
        songs = songs_of(listed)
    except (IncorrectLookupParameters, DisallowedModelAdminLookup):
        return Place(back=_list_address(""))
    back = _list_address(filters)
    at, is_in = _position(songs, track_id, request.GET.get(AT, ""))
    if at is None:
        return Place(back=back)
    return Place(
        back=back,
        at=at,
        is_in=is_in,
        count=songs.result_count,
        previous=_address(songs, at - 1, listed.GET),
        next=_address(songs, at + 1 if is_in else at, listed.GET),
    )


def kept(place: Place | None, request: HttpRequest) -> str:
    """The query by which a song's page knows its place still after something was done to the song."""
    if place is None:
        return ""
    query = {FILTERS: request.GET[FILTERS]} | ({} if place.at is None else {AT: str(place.at)})
    return f"?{urlencode(query)}"


def _position(songs: Any, track_id: int, before: str) -> tuple[int | None, bool]:
    for number, song in enumerate(songs.result_list):
        if song.pk == track_id:
            return _first(songs) + number, True
    is_one = before.isdecimal() and len(before) <= LONGEST_NUMBER
    return (int(before), False) if is_one else (None, False)


def _first(songs: Any) -> int:
    return (songs.page_num - 1) * int(songs.list_per_page) if _has_pages(songs) else 0


def _has_pages(songs: Any) -> bool:
    return bool(songs.multi_page and not (songs.show_all and songs.can_show_all))


def _address(songs: Any, at: int, query: QueryDict) -> str:
    """Of the song at this place; its list is at the page where it stands."""
    if not 0 <= at < songs.result_count:
        return ""
    on_page = at - _first(songs)
    if 0 <= on_page < len(songs.result_list):
        found = [songs.result_list[on_page].pk]
    else:
        found = songs.paginator.ids(at, at + 1)
    if not found:
        return ""
    there = query.copy()
    if _has_pages(songs):
        there[PAGE_VAR] = str(at // int(songs.list_per_page) + 1)
    return (
        f"{reverse('admin:library_track_change', args=(found[0],))}?{urlencode({FILTERS: there.urlencode()})}"
    )


def _list_address(filters: str) -> str:
    address = reverse("admin:library_track_changelist")
    return f"{address}?{filters}" if filters else address
