"""What an edit takes away from a list of genres and what it adds: pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Tag:
    """One genre in a list."""

    name: str
    kept: bool
    """It stands in both lists."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Two lists of genres, each tag marked when the other list lacks it."""

    before: tuple[Tag, ...]
    after: tuple[Tag, ...]

    @property
    def changes(self) -> bool:
        """Whether the lists differ at all."""
        return [tag.name for tag in self.before] != [tag.name for tag in self.after]


def difference(before: Sequence[str], after: Sequence[str]) -> Difference:
    """Compare two lists of genres as Plex shows them: by their exact spelling."""
    return Difference(
        before=tuple(Tag(name=name, kept=name in after) for name in before),
        after=tuple(Tag(name=name, kept=name in before) for name in after),
    )
