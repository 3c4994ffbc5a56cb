"""Puts the tables of a run into the page that explains them (docs/truth.md), each between its own two marks."""

import re
from collections.abc import Mapping

END = "<!-- end -->"


def begin(title: str) -> str:
    """The mark before a table."""
    return f"<!-- table: {title} -->"


def with_tables(page: str, tables: Mapping[str, str]) -> str:
    """The page with these tables in place of those that stand there.

    Raises ValueError where a table has no place on the page, or a place no table.
    """
    places = set(re.findall(r"<!-- table: (.*?) -->", page))
    if places != set(tables):
        raise ValueError(f"on the page and not among the tables, or the reverse: {places ^ set(tables)}")
    for title, table in tables.items():
        between = re.compile(f"{re.escape(begin(title))}.*?{END}", re.DOTALL)
        place = between.search(page)
        if place:
            page = f"{page[: place.start()]}{begin(title)}\n\n{table}\n\n{END}{page[place.end() :]}"
    return page
