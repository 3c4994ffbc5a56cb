"""Numbers of things as people read them: "1 song", "12,000 songs", "Rock, Pop and 3 more"."""

from collections.abc import Sequence


def counted(number: int, thing: str, *, verb: tuple[str, str] = ("", "")) -> str:
    """The number with the thing, in the plural unless there is one; `verb` is what one does, and what many do."""
    is_one = number == 1
    said = verb[0] if is_one else verb[1]
    return f"{number:,} {thing}{'' if is_one else 's'}{f' {said}' if said else ''}"


def listed(names: Sequence[str], most: int, count: int | None = None) -> str:
    """The first of some names, and how many more there are of `count`, or of these."""
    more = (len(names) if count is None else count) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
