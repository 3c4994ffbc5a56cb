"""The genres of a few songs side by side, with asyncio: python async_client.py /music/a.mp3 /music/b.flac

The paths are as the service or Plex names them. RECLASS_TARGET is the service's host:port, RECLASS_TOKEN its token.
"""

import argparse
import asyncio
import os
import sys

from reclass_client import AsyncClient, ReclassError


def main() -> int:
    parser = argparse.ArgumentParser(description="The genres of a few songs, asked for side by side.")
    parser.add_argument("paths", nargs="+", metavar="path", help="a file as the service or Plex names it")
    options = parser.parse_args()
    try:
        return asyncio.run(classify(options.paths))
    except ReclassError as error:
        sys.exit(f"{error.reason}: {error}")


async def classify(paths: list[str]) -> int:
    """0 when every song has its genre."""
    async with AsyncClient(os.environ.get("RECLASS_TARGET", "127.0.0.1:50053")) as reclass:
        songs = await asyncio.gather(*(reclass.classify(path=path) for path in paths), return_exceptions=True)
    for path, song in zip(paths, songs, strict=True):
        if isinstance(song, ReclassError):
            print(f"{path}: {song.reason}: {song}", file=sys.stderr)
        elif isinstance(song, BaseException):
            raise song
        else:
            print(f"{path}: {song.summary}")
    return int(any(isinstance(song, ReclassError) for song in songs))


if __name__ == "__main__":
    sys.exit(main())
