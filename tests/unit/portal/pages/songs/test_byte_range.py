"""Ranges as browsers, and others, ask for them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portal.pages.songs.byte_range import AskedRange, Place

SIZE = 1000


def place(header: str, size: int = SIZE) -> Place | None:
    asked = AskedRange.parse(header)
    assert asked is not None
    return asked.within(size)


@pytest.mark.parametrize(
    ("header", "first", "length"),
    [
        ("bytes=0-", 0, 1000),
        ("bytes=0-0", 0, 1),
        ("bytes=0-1", 0, 2),  # what Safari begins with
        ("bytes=10-19", 10, 10),
        ("bytes=999-", 999, 1),
        ("bytes=990-2000", 990, 10),
        ("bytes=5-99999999999999999999999999999999", 5, 995),
        ("bytes=-1", 999, 1),
        ("bytes=-1000", 0, 1000),
        ("bytes=-5000", 0, 1000),
        ("Bytes=0-9", 0, 10),
        (" bytes= 0-9 ", 0, 10),
    ],
)
def test_a_range_is_what_the_file_has_of_it(header: str, first: int, length: int) -> None:
    assert place(header) == Place(first=first, length=length)


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=" + "9" * 40 + "-"])
def test_a_range_beyond_the_end_is_none(header: str) -> None:
    assert place(header) is None


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-9", "bytes=-5"])
def test_an_empty_file_has_no_range(header: str) -> None:
    assert place(header, size=0) is None


@pytest.mark.parametrize(
    "header",
    [
        "", "bytes", "bytes=", "bytes=-", "bytes=9-8", "bytes=0-1,5-6", "bytes=a-b", "bytes=+1-2", "bytes=1_0-20",
        "bytes=0x1-", "bytes=٣-", "bytes=²-", "bytes=0--1", "bytes=--1", "items=0-1", "bytes=0-9\r\nX: y",
        "bytes=" + "9" * 5000 + "-",
    ],
)  # fmt: skip
def test_what_is_no_single_range_of_bytes_is_passed_over(header: str) -> None:
    assert AskedRange.parse(header) is None


def test_an_answer_says_which_bytes_it_has() -> None:
    assert Place(first=10, length=10).content_range(SIZE) == "bytes 10-19/1000"


@given(first=st.integers(0, 2**70), last=st.none() | st.integers(0, 2**70), size=st.integers(0, 2**62))
def test_a_range_never_leaves_the_file(first: int, last: int | None, size: int) -> None:
    asked = AskedRange.parse(f"bytes={first}-{'' if last is None else last}")
    if asked is None:
        assert last is not None
        assert last < first
        return
    found = asked.within(size)
    if found is not None:
        assert 0 <= found.first < found.first + found.length <= size
        assert found.first == first
    assert (found is None) == (first >= size)


@given(header=st.text(max_size=60) | st.from_regex(r"bytes=[0-9 ,-]{0,20}", fullmatch=True))
def test_no_header_breaks_it(header: str) -> None:
    asked = AskedRange.parse(header)
    assert asked is None or asked.within(SIZE) is None or asked.longest >= 0
