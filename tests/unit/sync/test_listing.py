"""Pages of a library that cuts rows off, moves and changes while it is listed."""

from collections.abc import Callable
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sync.errors import InvalidRequestError, ShortPageError
from sync.listing import Page, PageToken, Window, next_page, page_size_asked
from sync.tracks import Track


def track(rating_key: int) -> Track:
    return Track.from_element(ElementTree.Element("Track", {"ratingKey": str(rating_key)}))


class Plex:
    """A listing as Plex would page it, with a count of the requests."""

    def __init__(self, keys: list[int]) -> None:
        self.keys = keys
        self.requests = 0
        self.withheld: list[int] = []
        self.miscounted = 0

    def fetch(self, start: int, size: int) -> Window:
        self.requests += 1
        rows = self.keys[start : start + size]
        short = rows[: len(rows) - (self.withheld.pop(0) if self.withheld else 0)]
        return Window(
            start=start, tracks=[track(key) for key in short], total_size=len(self.keys) + self.miscounted
        )


def read(plex: Plex, size: int, between: Callable[[int], None] = lambda page: None) -> list[int]:
    keys: list[int] = []
    token: PageToken | None = None
    for number in range(1000):
        page: Page = next_page(plex.fetch, size, token)
        keys += [each.rating_key for each in page.tracks]
        if not page.next_token:
            return keys
        token = PageToken.parse(page.next_token)
        between(number)
    raise AssertionError("the listing never ended")


@given(count=st.integers(0, 40), size=st.integers(1, 15))
def test_every_track_comes_once_and_a_page_costs_one_request(count: int, size: int) -> None:
    plex = Plex(list(range(100, 100 + count)))

    assert read(plex, size) == plex.keys
    assert plex.requests == max(1, -(-count // size))


def test_a_short_page_is_fetched_again() -> None:
    plex = Plex(list(range(10)))
    plex.withheld = [2, 1]

    assert read(plex, 5) == list(range(10))


@given(count=st.integers(0, 40), size=st.integers(1, 15), more=st.integers(1, 60))
def test_a_plex_that_counts_more_tracks_than_it_has_is_listed_to_its_end(
    count: int, size: int, more: int
) -> None:
    plex = Plex(list(range(100, 100 + count)))
    plex.miscounted = more

    assert read(plex, size) == plex.keys


def test_a_page_that_stays_short_is_an_error_and_nothing_is_skipped() -> None:
    plex = Plex(list(range(10)))
    plex.withheld = [1, 1, 1]

    with pytest.raises(ShortPageError, match="sent 4 of the 5"):
        read(plex, 5)


@given(
    size=st.integers(2, 8),
    removals=st.lists(st.lists(st.integers(1, 60), max_size=6), max_size=6),
    additions=st.lists(st.integers(1, 60), max_size=3),
)
def test_tracks_that_stay_are_listed_once_while_others_come_and_go(
    size: int, removals: list[list[int]], additions: list[int]
) -> None:
    late = {60 + key for key in additions}
    plex = Plex([key for key in range(1, 61) if key % 3])

    def change(page: int) -> None:
        gone = set(removals[page]) if page < len(removals) else set()
        plex.keys = sorted((set(plex.keys) | (late if page == 1 else set())) - gone)

    listed = read(plex, size, change)

    assert len(listed) == len(set(listed))
    assert set(plex.keys) <= set(listed)


def test_a_track_that_returns_before_the_place_reached_moves_nothing() -> None:
    plex = Plex([10, 20, 30, 40, 50, 60])

    def put_back(page: int) -> None:
        if page == 0:
            plex.keys = [1, 2, 3, 4, 5, *plex.keys]

    assert read(plex, 2, put_back) == [10, 20, 30, 40, 50, 60]


def test_a_list_without_order_is_read_whole_while_it_stands_still() -> None:
    plex = Plex([5, 1, 4, 2, 3])

    assert read(plex, 2) == [5, 1, 4, 2, 3]


def test_a_list_without_order_that_moves_is_given_up() -> None:
    plex = Plex([9, 5, 1, 4, 2, 8])

    def shift(page: int) -> None:
        plex.keys = plex.keys[1:]

    with pytest.raises(ShortPageError, match="list it again from the start"):
        read(plex, 2, shift)


@pytest.mark.parametrize("text", ["x", "1-", "-1", "0-5", "1-2-3", "٣-x"])
def test_a_token_of_somebody_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="was not made by this service"):
        PageToken.parse(text)


def test_a_token_reads_back_as_it_was_written() -> None:
    token = PageToken(offset=3000, last_key=987)

    assert PageToken.parse(str(token)) == token


def test_page_sizes_have_a_default_and_a_limit() -> None:
    assert (page_size_asked(0), page_size_asked(1), page_size_asked(5000)) == (1000, 1, 5000)
    with pytest.raises(InvalidRequestError, match="page_size is 5001"):
        page_size_asked(5001)
