"""The genres of all songs in a folder, in one stream: python stream_client.py ~/Music

The files are read here and sent, a few at a time. RECLASS_TARGET is the service's host:port, RECLASS_TOKEN its token.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from reclass_client import Client, ReclassError, Song

SUFFIXES = {".mp3", ".flac", ".m4a", ".ogg", ".opus", ".wav"}


def main() -> int:
    parser = argparse.ArgumentParser(description="The genres of all songs in a folder.")
    parser.add_argument("folder", type=Path, help="its songs, and those in the folders below it, are sent")
    folder = parser.parse_args().folder
    if not folder.is_dir():
        parser.error(f"{folder} is no folder")
    try:
        with Client(os.environ.get("RECLASS_TARGET", "127.0.0.1:50053")) as reclass:
            return classify(reclass, folder)
    except ReclassError as error:
        sys.exit(f"{error.reason}: {error}")


def classify(reclass: Client, folder: Path) -> int:
    """0 when there are songs, and every one of them has its genre."""
    most_bytes = reclass.status().limits.max_content_bytes
    answered = failed = 0
    for answer in reclass.classify_many(songs(folder, most_bytes)):
        answered += 1
        if answer.error:
            failed += 1
            print(f"{answer.key}: {answer.error.reason}: {answer.error}", file=sys.stderr)
        else:
            print(f"{answer.key}: {answer.result().summary}")
    if not answered:
        print(f"{folder} holds no song that could be sent ({', '.join(sorted(SUFFIXES))})", file=sys.stderr)
    return int(failed > 0 or not answered)


def songs(folder: Path, most_bytes: int) -> Iterator[Song]:
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() not in SUFFIXES or not file.is_file():
            continue
        if file.stat().st_size > most_bytes:
            print(f"{file}: larger than {most_bytes} bytes, left out", file=sys.stderr)
            continue
        # A name may hold bytes that are no text, and those cannot be sent.
        name = str(file.relative_to(folder)).encode(errors="backslashreplace").decode()
        yield Song(key=name, file=file)


if __name__ == "__main__":
    sys.exit(main())
