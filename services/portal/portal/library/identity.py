"""Whether a rating key still is the song that it was: Plex gives a song's key to another one when it is made anew."""

import unicodedata
from typing import Protocol

from portal.remote.plex import Described

LOCAL = "local://"
"""What Plex makes up for tracks that it does not know: it is like a rating key, and tells as little."""

# For a sync, of two rows of tables `t` (what is known) and `l` (what Plex says now).
_GUIDS = f"(t.guid <> '' AND l.guid <> '' AND t.guid NOT LIKE '{LOCAL}%%' AND l.guid NOT LIKE '{LOCAL}%%')"
_FILES = "(t.file <> '' AND l.file <> '')"
_SAME_GUID = f"({_GUIDS} AND t.guid = l.guid)"
_SAME_FILE = f"({_FILES} AND t.file = l.file)"
SAME_BYTES = """(t.size_bytes > 0 AND t.size_bytes = l.size_bytes AND split_part(t.part_key, '/', 5) <> ''
  AND split_part(t.part_key, '/', 5) = split_part(l.part_key, '/', 5))"""
_SAME_NAMES = """(lower(normalize(t.title)) = lower(normalize(l.title))
  AND lower(normalize(t.artist)) = lower(normalize(l.artist)))"""
# Files of one length that were unpacked together have size and time in common.
ANOTHER_SONG = f"""(NOT {_SAME_FILE} AND NOT {_SAME_GUID} AND NOT ({SAME_BYTES} AND {_SAME_NAMES})
  AND ({_GUIDS} AND {_FILES} OR NOT {_SAME_NAMES}))"""
# Its guid says another recording, and its names another song: size, time and length are those of many.
TOLD_APART = f"({_GUIDS} AND t.guid <> l.guid AND NOT {_SAME_NAMES})"


class WithBytes(Described, Protocol):
    """A song with what tells of its file's bytes."""

    @property
    def part_key(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...


def is_another(known: WithBytes, present: WithBytes) -> bool:
    """Whether what Plex has under a key is to be taken for another song than the one that is known by it, until a sync.

    1. The same file or the same guid: the same song. So is one of the same title and artist with the same size and time
       of the file's last change; without the names these say little, for files that were unpacked together share them.
    2. Both files are known, and differ: another one. Where Plex knows no guid its file may have been replaced instead,
       and a sync, which sees all the others beside it, says so (`ANOTHER_SONG`); until then nothing is written.
    3. Where a file is not known, little can be compared: the same song if title and artist are. To take a song for
       another one costs its history for a while; to take another one for it writes a wrong genre.
    """
    guids = [each.guid for each in (known, present) if each.guid and not each.guid.startswith(LOCAL)]
    files = [each.file for each in (known, present) if each.file]
    if _agree(guids) or _agree(files):
        return False
    if len(files) == 2 and not _same_bytes(known, present):
        return True
    return _names(known) != _names(present)


def _agree(values: list[str]) -> bool:
    return len(values) == 2 and values[0] == values[1]


def _same_bytes(one: WithBytes, other: WithBytes) -> bool:
    times = [(each.part_key.split("/") + [""] * 5)[4] for each in (one, other)]
    return one.size_bytes == other.size_bytes > 0 and times[0] == times[1] != ""


def _names(song: Described) -> tuple[str, str]:
    title, artist = (unicodedata.normalize("NFC", text).lower() for text in (song.title, song.artist))
    return title, artist
