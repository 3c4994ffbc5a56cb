"""Pages of a long list of songs: found by their ids alone, from whichever end is nearer, and then read."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.views.main import PAGE_VAR
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from portal.library.annotations import with_verdicts
from portal.library.models import Track
from portal.pages.page_admin import PageList
from portal.pages.songs.place import FILTERS
from portal.registry.serving import serving_versions


class SongPaginator(Paginator):  # type: ignore[type-arg] # generic in its stubs alone
    """Reads the songs of a page alone with their verdicts.

    With everything that a row shows, the songs before the page would be read and joined as well, only to be thrown
    away: that takes ten times as long at the end of 100,000.
    """

    def page(self, number: Any) -> "Page[Track]":
        number = self.validate_number(number)
        first = (number - 1) * self.per_page
        return Page(read_songs(self.ids(first, min(first + self.per_page, self.count))), number, self)

    def ids(self, first: int, last: int) -> list[int]:
        """Of the songs from one place up to another."""
        found: Any = self.object_list
        if first > self.count // 2:
            return list(found.reverse().values_list("pk", flat=True)[self.count - last : self.count - first])[
                ::-1
            ]
        return list(found.values_list("pk", flat=True)[first:last])


class SongList(PageList):
    """The admin's list; what fits on one page goes by no paginator there, and is read like a page all the same."""

    result_list: Any

    def url_for_result(self, result: Track) -> str:
        """The address of a song's page, which knows then that a person came from the list."""
        url = str(super().url_for_result(result))
        return url if self.preserved_filters else f"{url}?{urlencode({FILTERS: f'{PAGE_VAR}=1'})}"

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if isinstance(self.result_list, QuerySet):
            self.result_list = read_songs(self.result_list.values_list("pk", flat=True))


def read_songs(ids: Iterable[int]) -> list[Any]:
    """These songs with all that a list shows, in this order."""
    wanted = list(ids)
    rows = with_verdicts(Track.objects.filter(pk__in=wanted)).select_related("library").in_bulk()
    serving = serving_versions()  # once, and not for each song
    for row in rows.values():
        row.serving_versions = serving
    return [rows[pk] for pk in wanted if pk in rows]
