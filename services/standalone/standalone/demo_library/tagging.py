"""Writes a song's tags into its file, each container in its own way."""

from pathlib import Path
from typing import Any

from mutagen import id3
from mutagen.flac import FLAC
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis
from mutagen.wave import WAVE

from standalone.demo_library.catalogue import Entry
from standalone.demo_library.encoding import CODECS

# mutagen's classes carry no types; Any says so once.
FILES: dict[str, Any] = {
    ".mp3": MP3,
    ".wav": WAVE,
    ".m4a": MP4,
    ".flac": FLAC,
    ".ogg": OggVorbis,
    ".opus": OggOpus,
}
FRAMES: Any = id3.Frames


def tag(path: Path, entry: Entry) -> None:
    """Title, artist, album, album artist, genre (where it has one) and track number."""
    file = FILES[path.suffix](path)
    if path.suffix in (".mp3", ".wav"):
        _tag_id3(file, entry)
    elif path.suffix == ".m4a":
        _tag_mp4(file, entry)
    else:
        _tag_vorbis_comment(file, entry)


def _tag_id3(file: Any, entry: Entry) -> None:
    if file.tags is None:
        file.add_tags()
    frames = {
        "TIT2": [entry.title],
        "TPE1": [entry.artist],
        "TPE2": [entry.artist],
        "TALB": [entry.album],
        "TRCK": [str(entry.track)],
        "TCON": list(entry.tags),
    }
    for name, text in frames.items():
        if text:
            file.tags.add(FRAMES[name](encoding=id3.Encoding.UTF16, text=text))
    file.save(v2_version=CODECS[entry.codec].id3_version)


def _tag_mp4(file: Any, entry: Entry) -> None:
    file["\xa9nam"], file["\xa9ART"], file["aART"] = entry.title, entry.artist, entry.artist
    file["\xa9alb"], file["trkn"] = entry.album, [(entry.track, 0)]
    if entry.tags:
        file["\xa9gen"] = list(entry.tags)
    file.save()


def _tag_vorbis_comment(file: Any, entry: Entry) -> None:
    file["title"], file["artist"], file["albumartist"] = entry.title, entry.artist, entry.artist
    file["album"], file["tracknumber"] = entry.album, str(entry.track)
    if entry.tags:
        file["genre"] = list(entry.tags)
    file.save()
