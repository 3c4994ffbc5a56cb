"""A row of a listing for which Plex fails every time."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SkippedRow:
    """A row of a listing that Plex cannot show, between two that it can; these are empty at the listing's ends."""

    position: int
    before: str
    after: str

    def __str__(self) -> str:
        beside = " and ".join(f"“{each}”" for each in (self.before, self.after) if each)
        return f"row {self.position + 1}" + (f" (beside {beside})" if beside else "")
