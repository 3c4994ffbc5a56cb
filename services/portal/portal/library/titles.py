"""When what was typed is the title of a library, as people read it: pure."""

import unicodedata


def title_key(title: str) -> str:
    """What spellings of one title share, whichever form of Unicode and case they are in."""
    return " ".join(unicodedata.normalize("NFKC", title).casefold().split())
