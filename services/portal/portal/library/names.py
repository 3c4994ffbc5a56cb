"""When two spellings of a name, of an artist or a library, are the same: pure."""

import unicodedata


def name_key(name: str) -> str:
    """What spellings of one name share, whichever form of Unicode and case they are in; empty where there is none."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
