"""The genres of all songs in a folder, in one stream: python stream_client.py ~/Music

The files are read here and sent, a few at a time. RECLASS_TARGET is the service's host:port, RECLASS_TOKEN its token.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from reclass_client import Client, Song

SUFFIXES = {".mp3", ".flac", ".m4a", ".ogg", ".opus", ".wav"}


def main(folder: Path) -> None:
    with Client(os.environ.get("RECLASS_TARGET", "127.0.0.1:50053")) as reclass:
        most = reclass.status().limits.max_content_bytes
        for answer in reclass.classify_many(songs(folder, most)):
            if answer.error:
                print(f"{answer.key}: {answer.error.reason}: {answer.error}")
            else:
                print(f"{answer.key}: {answer.result().summary}")


def songs(folder: Path, most_bytes: int) -> Iterator[Song]:
    for file in sorted(folder.rglob("*")):
        if file.suffix.lower() not in SUFFIXES:
            continue
        if file.stat().st_size > most_bytes:
            print(f"{file}: larger than {most_bytes} bytes, left out", file=sys.stderr)
            continue
        yield Song(key=str(file.relative_to(folder)), file=file)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
