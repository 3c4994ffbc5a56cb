"""Tables of a run come into the page, and no page is left with some of them old."""

from pathlib import Path

import pytest

from benchmarks.inference.truth.page import with_tables
from benchmarks.inference.truth.table import TABLES

PAGE = Path(__file__).parents[4] / "docs" / "truth.md"


def test_a_table_takes_the_place_of_the_one_before():
    page = "words\n<!-- table: One (%) -->\n\nold\n\n<!-- end -->\nmore\n<!-- table: Two -->\n<!-- end -->\n"
    once = with_tables(page, {"One (%)": r"| a \1 |", "Two": "b"})
    assert once.count("old") == 0
    assert r"| a \1 |" in once
    assert once.startswith("words\n")
    assert "\nmore\n" in once
    assert with_tables(once, {"One (%)": r"| a \1 |", "Two": "b"}) == once


def test_a_table_without_a_place_is_named():
    with pytest.raises(ValueError, match="Three"):
        with_tables("<!-- table: One -->\n<!-- end -->", {"One": "", "Three": ""})


def test_the_page_has_a_place_for_every_table():
    tables = dict.fromkeys([*TABLES, "Targets"], "")
    assert with_tables(PAGE.read_text(), tables)
