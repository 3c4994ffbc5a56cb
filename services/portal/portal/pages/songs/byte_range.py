"""Which part of a file a browser asks for, as RFC 9110 (section 14) writes it in the header Range.

WhiteNoise and Starlette read it too, each for files on a disk; what stands here needs no more than the size.
"""

import re
from dataclasses import dataclass
from typing import Self

# More than any file has, and few enough digits for every number that holds them.
_FARTHEST = 2**62
_ONE_RANGE = re.compile(r"bytes=[ \t]*(?:([0-9]{1,40})-([0-9]{0,40})|-([0-9]{1,40}))[ \t]*", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Bytes of a file that it has."""

    first: int
    length: int

    def content_range(self, size: int) -> str:
        """As the answer says which they are."""
        return f"bytes {self.first}-{self.first + self.length - 1}/{size}"


@dataclass(frozen=True, kw_only=True)
class AskedRange:
    """Bytes from `first` to `last`, both included; or the last ones of the file, as many as `from_end` says."""

    first: int = 0
    last: int | None = None
    """None: to the end."""
    from_end: int | None = None

    @classmethod
    def parse(cls, header: str) -> Self | None:
        """None for what RFC 9110 lets a server pass over, and then the whole file is sent: no header, another unit,
        several ranges, one that ends before it begins, nonsense."""
        found = _ONE_RANGE.fullmatch(header.strip())
        if found is None:
            return None
        first, last, from_end = (min(int(each), _FARTHEST) if each else None for each in found.groups())
        if first is None:
            return cls(from_end=from_end)
        return cls(first=first, last=last) if last is None or last >= first else None

    @property
    def begins_the_file(self) -> bool:
        """Whether it begins with the first byte, however long the file is."""
        return self.first == 0 and self.from_end is None

    @property
    def longest(self) -> int:
        """Bytes that it has at most; 0: all that follow."""
        return 0 if self.last is None else self.last - self.first + 1

    def within(self, size: int) -> Place | None:
        """What a file of so many bytes has of it; None where that is nothing (status 416)."""
        first = self.first if self.from_end is None else max(0, size - self.from_end)
        end = size if self.last is None else min(self.last + 1, size)
        return Place(first=first, length=end - first) if first < end else None
