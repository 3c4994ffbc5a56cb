"""What a file is that is no audio, as a person would call it."""

# By how a file begins. Copies that failed leave these behind under the name of a song.
BEGINNINGS = (
    (b"#EXTM3U", "a playlist"),
    (b"#EXT-X-", "a playlist"),
    (b"[playlist]", "a playlist"),
    (b"ffconcat", "a playlist"),
    (b"<asx", "a playlist"),
    (b"<?xml", "an XML document"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x89PNG", "a picture"),
    (b"GIF8", "a picture"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"Rar!", "a RAR archive"),
    (b"%PDF", "a PDF document"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\x1f\x8b", "a compressed archive"),
    (b"SQLite format 3", "a database"),
    (b"\x7fELF", "a program"),
    (b"MThd", "a MIDI file, the notes of a song"),
    # Notes and instruments, of which a player of its own makes sound.
    (b"IMPM", "a tracker's module, the notes of a song"),
    (b"Extended Module: ", "a tracker's module, the notes of a song"),
    (b"PSID", "a program of a home computer that plays a tune"),
    (b"RSID", "a program of a home computer that plays a tune"),
    (b"NESM\x1a", "a program of a game console that plays a tune"),
    (b"SNES-SPC700", "a program of a game console that plays a tune"),
)
# Sound, of formats that no library here decodes.
UNDECODABLE = (
    (b"OFR ", "OptimFROG"),
    (b"LA0", "Lossless Audio (La)"),
)
PRINTED = frozenset(range(32, 127)) | {9, 10, 12, 13}


def foreign_kind(head: bytes) -> str | None:
    """What a file that begins with `head` is; None where that cannot be told, as of all audio."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for beginning, kind in BEGINNINGS:
        if start[: len(beginning)].lower() == beginning.lower():
            return kind
    if head and not any(head):
        return "nothing but zeros, as a copy that failed leaves it"
    return "a text" if start and _is_text(start) else None


def undecodable_format(head: bytes) -> str | None:
    """The format of sound that begins with `head`, of those that cannot be decoded here; None for any other file."""
    return next((name for beginning, name in UNDECODABLE if head.startswith(beginning)), None)


def _is_text(head: bytes) -> bool:
    try:
        letters = head.decode("utf-8", errors="strict")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # a letter may be cut off at the end
            return False
        letters = head[: error.start].decode("utf-8")
    return bool(letters) and all(ord(letter) in PRINTED or ord(letter) > 159 for letter in letters)
