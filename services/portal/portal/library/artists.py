"""When two spellings of an artist are the same: pure."""

import unicodedata


def artist_key(name: str) -> str:
    """What spellings of one artist share; empty where there is none."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
