"""Reading a library page by page, so that no track is lost or doubled however the library changes meanwhile."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Self, TypeVar

from sync import bounds
from sync.errors import InvalidRequestError, ServerFailedError, ShortPageError
from sync.page_halving import LONGEST_RUN, Read, read_around
from sync.tracks import Track

DEFAULT_PAGE_SIZE, LARGEST_PAGE_SIZE = 1000, 5000
ATTEMPTS = 3
# A library that loses more than this many pages of tracks between two calls is better listed again from its start.
STEPS = 20


Row = TypeVar("Row")


@dataclass(frozen=True, kw_only=True)
class Window(Generic[Row]):
    """Some rows of a listing, as Plex answered them."""

    start: int
    tracks: Sequence[Row]
    """Or what else is listed."""
    total_size: int
    """Rows of the whole listing at that time."""
    unreadable: Sequence[int] = ()
    """Places, in the whole listing, of rows that Plex cannot show."""

    @property
    def end(self) -> int:
        """Where the next window begins."""
        return self.start + len(self.tracks) + len(self.unreadable)

    def places(self) -> list[int]:
        """Where in the whole listing each of the rows stands."""
        passed_over = set(self.unreadable)
        return [place for place in range(self.start, self.end) if place not in passed_over]


Fetch = Callable[[int, int], Window[Track]]
"""Asks Plex for the rows from a start on, at most so many."""


@dataclass(frozen=True, kw_only=True)
class PageToken:
    """Where a listing goes on."""

    offset: int
    """Rows before the next page."""
    last_key: int
    """Rating key of the last row before it, by which a moved list is noticed."""

    def __str__(self) -> str:
        return f"{self.offset}-{self.last_key}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote. Raises InvalidRequestError for anything else."""
        offset, _, last_key = text.partition("-")
        place, key = bounds.count(offset), bounds.count(last_key, bounds.LARGEST_SIZE)
        if not place or key is None:
            raise InvalidRequestError(
                f"page_token {text!r} was not made by this service: start with an empty one"
            )
        return cls(offset=place, last_key=key)


@dataclass(frozen=True, kw_only=True)
class SkippedRow:
    """A row that Plex cannot show, and the readable ones beside it, where there are such."""

    position: int
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page for the caller."""

    tracks: Sequence[Track]
    next_token: str
    """Empty on the last page."""
    total_size: int
    skipped: Sequence[SkippedRow] = ()


def page_size_asked(page_size: int) -> int:
    """The size to use. Raises InvalidRequestError outside of 1 to 5000; 0 is the default."""
    if not 0 <= page_size <= LARGEST_PAGE_SIZE:
        raise InvalidRequestError(f"page_size is {page_size}: 1 to {LARGEST_PAGE_SIZE}, or 0 for the default")
    return page_size or DEFAULT_PAGE_SIZE


def whole(
    fetch: Callable[[int, int], Window[Row]], start: int, size: int, *, miscounts: bool = False
) -> Window[Row]:
    """A window with all the rows that it must have. Raises ShortPageError when it stays short.

    With `miscounts` it may end before the number of rows that Plex says, where no row comes after it.
    """
    for _ in range(ATTEMPTS):
        window = fetch(start, size)
        expected = max(0, min(size, window.total_size - start))
        if window.end - window.start >= expected:
            return window
    if miscounts:
        rest = fetch(window.end, size)
        if rest.end == rest.start:
            return window
    raise ShortPageError(
        f"Plex said that it has {window.total_size} entries and sent {len(window.tracks)} of the {expected} from "
        f"number {start} on, {ATTEMPTS} times. Nothing was skipped; try again when Plex has less to do"
    )


def around_unreadable(fetch: Fetch) -> Fetch:
    """The same listing without the rows for which Plex fails every time; they are noted in the window."""

    def careful(start: int, size: int) -> Window[Track]:
        totals: list[int] = []

        def ask(start: int, size: int) -> Read[Track]:
            window = whole(fetch, start, size) if size < asked else fetch(start, size)
            totals.append(window.total_size)
            return Read(rows=list(window.tracks), unreadable=list(window.unreadable))

        asked = size
        read = read_around(ask, start, size, alive=lambda: _answers(fetch), longest_run=LONGEST_RUN)
        total = totals[-1] if totals else fetch(0, 0).total_size
        return Window(start=start, tracks=read.rows, unreadable=read.unreadable, total_size=total)

    return careful


def _answers(fetch: Fetch) -> bool:
    """Whether Plex says at least how many rows there are."""
    try:
        fetch(0, 0)
    except ServerFailedError:
        return False
    return True


def _to_the_end(fetch: Fetch, start: int, size: int) -> Window[Track]:
    """The same, also where Plex counts more rows than it has: the listing then ends where nothing comes any more."""
    return whole(fetch, start, size, miscounts=True)


def next_page(fetch: Fetch, size: int, token: PageToken | None) -> Page:
    """The page after `token`. One request, unless the library changed or a page came short."""
    if token is None:
        return _page(fetch, _to_the_end(fetch, 0, size), 0)
    window = _to_the_end(fetch, token.offset - 1, size + 1)
    if window.tracks and window.tracks[0].rating_key == token.last_key:
        return _page(fetch, window, 1)
    return _page_of_moved_list(fetch, size, token, window)


def _page_of_moved_list(fetch: Fetch, size: int, token: PageToken, window: Window[Track]) -> Page:
    """Find the row after `last_key` in a list that is sorted by rating key and has moved since."""
    for _ in range(STEPS):
        keys = [track.rating_key for track in window.tracks]
        if keys != sorted(keys):
            break
        if window.start > 0 and (not keys or keys[0] > token.last_key):
            window = _to_the_end(fetch, max(0, window.start - size), size + 1)
        elif keys and keys[-1] <= token.last_key and window.end < window.total_size:
            window = _to_the_end(fetch, window.end, size + 1)
        else:
            return _page(fetch, window, sum(key <= token.last_key for key in keys))
    raise ShortPageError(
        "the library changed too much while it was being listed: list it again from the start"
    )


def _page(fetch: Fetch, window: Window[Track], passed: int) -> Page:
    """The window without its first rows, which were on pages before.

    A page ends with a row that can be read, for the next one is found by it; unreadable ones behind it come then.
    """
    while len(window.tracks) == passed and window.unreadable and window.end < window.total_size:
        window = whole(fetch, window.start, 2 * (window.end - window.start) + 1)
    tracks, places = window.tracks[passed:], window.places()
    more = bool(tracks) and window.end < window.total_size
    first = places[passed - 1] if passed else -1
    last = places[-1] if more else window.end
    return Page(
        tracks=tracks,
        next_token=str(PageToken(offset=last + 1, last_key=tracks[-1].rating_key)) if more else "",
        total_size=window.total_size,
        skipped=[_skipped(window, place) for place in window.unreadable if first < place < last],
    )


def _skipped(window: Window[Track], place: int) -> SkippedRow:
    beside = list(zip(window.places(), window.tracks, strict=True))
    before = [f"{track.artist} - {track.title}" for at, track in beside if at < place]
    after = [f"{track.artist} - {track.title}" for at, track in beside if at > place]
    return SkippedRow(position=place, before="".join(before[-1:]), after="".join(after[:1]))
