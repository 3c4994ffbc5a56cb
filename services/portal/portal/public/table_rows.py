"""Reads a table's rows, and knows where it is: with csv where there are texts, as lines where all are numbers."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from portal.public.fma_layout import REMEDY, UNPACK_AGAIN

LONGEST_FIELD = 16 * 1024 * 1024
"""Artists' and albums' texts are longer than Python's reader takes by itself."""
LONGEST_LINE = 1024 * 1024
"""Of numbers; a file without line ends must not be read into memory as one."""

QUOTE = b'"'
"""Which some programs put around numbers too."""


class TableError(Exception):
    """A table is not what it should be; the message says where, and what to do."""


class Rows:
    """The rows of a table; knows where it is, for messages."""

    def __init__(self, path: Path, reader: Iterable[list[str]]) -> None:
        self._path = path
        self._reader = iter(reader)
        self.number = 0
        """Of the present row, from 1."""
        self.width = 0
        """Fields that each row must have; 0 while that is not known."""

    @property
    def here(self) -> str:
        """File and row."""
        return f"{self._path}, row {self.number}"

    def __iter__(self) -> "Rows":
        return self

    def __next__(self) -> list[str]:
        try:
            row = next(self._reader)
        except csv.Error as error:
            raise TableError(f"{self._path}, after row {self.number}: {error}. {UNPACK_AGAIN}") from error
        self.number += 1
        if self.width and len(row) != self.width:
            raise self.of_another_width(len(row))
        return row

    def head(self, count: int) -> list[list[str]]:
        """The first rows, which are names; raises TableError where there are not so many, or the last row is not whole.

        That is looked at before anything else is read: most damaged files are downloads that broke off.
        """
        names = [row for _, row in zip(range(count), self, strict=False)]
        if len(names) < count or not names[0]:
            raise TableError(f"{self._path} does not begin with {count} rows of names. {REMEDY}")
        if any(len(row) != len(names[0]) for row in names):
            raise TableError(f"{self._path}: its first {count} rows are not of one length. {UNPACK_AGAIN}")
        if not ends_with_a_line(self._path):
            raise TableError(f"{self._path} breaks off in the middle of its last row. {UNPACK_AGAIN}")
        self.width = len(names[0])
        return names

    def wrong(self, what: str) -> TableError:
        """An error about the present row."""
        return TableError(f"{self.here}: {what}. {UNPACK_AGAIN}")

    def of_another_width(self, fields: int) -> TableError:
        """An error about the present row."""
        return TableError(f"{self.here} has {fields} fields instead of {self.width}. {UNPACK_AGAIN}")


class NumberRows(Rows):
    """The rows of a table of numbers, as lines: most of them are passed over, and are not worth being taken apart."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        super().__init__(path, csv.reader(line.decode("utf-8") for line in lines_of(file)))
        self._file = file

    def lines(self) -> Iterator[tuple[bytes, bytes]]:
        """After `head`: the first field of each row, and all of it."""
        for line in lines_of(self._file):
            self.number += 1
            if line.count(b",") != self.width - 1:
                raise self.of_another_width(len(self.fields(line)))
            yield line[: line.index(b",")].strip(QUOTE), line

    def fields(self, line: bytes) -> Sequence[bytes]:
        """All fields of a row."""
        return line.rstrip(b"\r\n").replace(QUOTE, b"").split(b",")


@contextmanager
def opened(path: Path) -> Iterator[Rows]:
    """The rows of a file of texts; raises TableError where it cannot be read."""
    longest = csv.field_size_limit(LONGEST_FIELD)
    try:
        with readable(path), path.open(encoding="utf-8", newline="") as file:
            yield Rows(path, csv.reader(file))
    finally:
        csv.field_size_limit(longest)


@contextmanager
def opened_numbers(path: Path) -> Iterator[NumberRows]:
    """The rows of a file of numbers; raises TableError where it cannot be read."""
    with readable(path), path.open("rb") as file:
        yield NumberRows(path, file)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Says what is wrong with a file in our own words."""
    try:
        yield
    except OSError as error:
        raise TableError(f"{path}: {error.strerror}. {REMEDY}") from error
    except UnicodeDecodeError as error:
        raise TableError(f"{path} is no text: {error.reason}. {UNPACK_AGAIN}") from error


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file, each with its end."""
    return iter(partial(file.readline, LONGEST_LINE), b"")


def ends_with_a_line(path: Path) -> bool:
    """Whether the last row is a whole one."""
    with path.open("rb") as file:
        file.seek(-1, 2)
        return file.read(1) == b"\n"
